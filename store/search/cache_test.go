package search

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lid is keys that hide what they seal from a careless look, and notice every change.
type lid struct{}

func (lid) Seal(plain, aad []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{}, aad...), plain...))
	out := bytes.Clone(sum[:])
	for _, b := range plain {
		out = append(out, b^0xaa)
	}
	return out
}

func (l lid) AppendOpen(to, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < sha256.Size {
		return nil, errors.New("short")
	}
	plain := bytes.Clone(sealed[sha256.Size:])
	for i := range plain {
		plain[i] ^= 0xaa
	}
	if !bytes.Equal(l.Seal(plain, aad), sealed) {
		return nil, errors.New("altered")
	}
	return append(to, plain...), nil
}

// words is what is looked for: one piece.
type words string

func (w words) Pieces() []string      { return []string{string(w)} }
func (w words) In(folded []byte) bool { return bytes.Contains(folded, []byte(w)) }

// bench is a cache in a directory, with the rows that it is to have.
type table struct {
	*Cache
	t    *testing.T
	path string
	rows []Row
}

var of = []byte("a store")

func newTable(t *testing.T) *table {
	tb := &table{t: t, path: filepath.Join(t.TempDir(), "search")}
	tb.open()
	t.Cleanup(func() { tb.check(tb.Close()) })
	return tb
}

func (tb *table) check(err error) {
	tb.t.Helper()
	if err != nil {
		tb.t.Fatal(err)
	}
}

func (tb *table) open() {
	tb.t.Helper()
	c, err := Open(tb.path, lid{}, Of{of, math.MaxUint64, 0, math.MaxUint64})
	tb.check(err)
	tb.Cache = c
}

func (tb *table) reopen() {
	tb.t.Helper()
	tb.check(tb.Close())
	tb.open()
}

// add adds a block of these texts, which arrived one after the other at these times.
func (tb *table) add(rows ...Row) {
	tb.t.Helper()
	var b Block
	for _, r := range rows {
		b.Add(r)
		tb.rows = append(tb.rows, r)
	}
	tb.check(tb.Append(&b))
}

// change gives rows other texts.
func (tb *table) change(texts map[uint64]string) {
	tb.t.Helper()
	var ns []uint64
	for n := range texts {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	for len(ns) > 0 {
		var err error
		ns, err = tb.Change(ns, func(n uint64) ([]byte, error) { return []byte(texts[n]), nil })
		tb.check(err)
		tb.check(tb.Compact())
	}
	for i := range tb.rows {
		if text, ok := texts[tb.rows[i].N]; ok {
			tb.rows[i].Text = []byte(text)
		}
	}
}

// want compares what is found with what there is.
func (tb *table) want(w Wanted, others ...Place) {
	tb.t.Helper()
	if w.Log == nil {
		w.Log = func(uint32) bool { return true }
	}
	w.Begun = tb.Begun()
	var want []Place
	for _, r := range tb.rows {
		if r.N > w.Last {
			break
		}
		p := Place{T: r.T, N: r.N}
		if r.T >= w.From && p.Compare(w.Before) < 0 && w.Log(r.Log) && w.In(r.Text) {
			want = append(want, p)
		}
	}
	for _, p := range others {
		if p.Compare(w.Before) < 0 {
			want = append(want, p)
		}
	}
	slices.SortFunc(want, func(a, b Place) int { return b.Compare(a) })
	var got []Place
	done := int64(math.MaxInt64)
	tb.check(tb.Find(context.Background(), w, others, func(found []Place, now int64) (bool, error) {
		for _, p := range found {
			if p.T >= done {
				tb.t.Errorf("%v is told after all from %d on", p, done)
			}
		}
		if now > done {
			tb.t.Errorf("done down to %d, then to %d", done, now)
		}
		got, done = append(got, found...), now
		return true, nil
	}))
	if !slices.Equal(got, want) || done != w.From {
		tb.t.Errorf("%v: found %v, want %v; done down to %d", w.Matcher, got, want, done)
	}
}

func everything(text string) Wanted {
	return Wanted{Matcher: words(text), Last: math.MaxUint64, From: math.MinInt64, Before: End}
}

// What is found is what there is, the latest first, whatever was added and changed in whatever order
// of times, and however often the file was opened and written anew.
func TestFindsWhatThereIs(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		tb := newTable(t)
		text := func() []byte {
			var b []byte
			for range random.IntN(8) {
				b = append(b, "ab é"[random.IntN(4)])
			}
			return bytes.ReplaceAll(b, []byte{0}, nil)
		}
		n, time := uint64(0), int64(1000)
		for range 60 {
			switch random.IntN(8) {
			case 0, 1, 2:
				var rows []Row
				for range 1 + random.IntN(6) {
					n += 1 + uint64(random.IntN(3))
					time += int64(random.IntN(3))
					at := time
					if random.IntN(4) == 0 {
						at -= int64(random.IntN(100))
					}
					rows = append(rows, Row{N: n, Log: uint32(1 + random.IntN(3)), T: at, Text: text()})
				}
				tb.add(rows...)
			case 3, 4:
				texts := map[uint64]string{n + 99: "not there"}
				for range random.IntN(6) {
					if len(tb.rows) > 0 {
						texts[tb.rows[random.IntN(len(tb.rows))].N] = strings.Repeat(string(text()), random.IntN(3))
					}
				}
				delete(texts, n+99)
				if len(texts) > 0 {
					tb.change(texts)
				}
			case 5:
				tb.reopen()
			case 6:
				w := everything(string("ab"[random.IntN(2)]))
				w.From, w.Before = time-int64(random.IntN(100)), Place{T: time - int64(random.IntN(20)), N: n / 2}
				w.Log = func(l uint32) bool { return l != 2 }
				tb.want(w, Place{T: w.From, N: n + 1})
				if i := random.IntN(len(tb.records) + 1); i > 0 {
					w.Last = tb.records[i-1].last
					tb.want(w)
				}
			default:
				tb.want(everything("a"))
				tb.want(everything("bb"), Place{T: time + 5, N: n + 1})
				tb.want(everything("nowhere"))
			}
		}
		if last := tb.Last(); len(tb.rows) > 0 && last != tb.rows[len(tb.rows)-1].N {
			t.Errorf("last is %d", last)
		}
	}
}

// However much is found before it can be told, no more than so much is remembered, and all is told.
func TestWhatIsPendingIsBounded(t *testing.T) {
	defer func(n int) { maxPending = n }(maxPending)
	maxPending = 5
	tb := newTable(t)
	n := uint64(0)
	for block := range 40 { // each has one row of just now, so all must be opened
		var rows []Row
		for i := range 4 {
			n++
			at := int64(block*7+i*13) % 50
			if i == 3 {
				at = 1000
			}
			rows = append(rows, Row{N: n, Log: 1, T: at, Text: []byte("word")})
		}
		tb.add(rows...)
	}
	tb.want(everything("word"), Place{T: 3, N: 9999}, Place{T: 2000, N: 9998})

	// What is left for another pass is not told in this one too.
	tb = newTable(t)
	var rows []Row
	for i, at := range []int64{100, 98, 61, 60, 59, 58, 57, 56} {
		rows = append(rows, Row{N: uint64(i + 1), Log: 1, T: at, Text: []byte("word")})
	}
	tb.add(rows...)
	tb.add(Row{N: 20, Log: 1, T: 97, Text: []byte("word")}, Row{N: 21, Log: 1, T: 10, Text: []byte("word")})
	tb.want(everything("word"))
}

// Whoever has enough is told no more, and neither is whoever goes away.
func TestFindEnds(t *testing.T) {
	tb := newTable(t)
	for n := range uint64(100) {
		tb.add(Row{N: n + 1, Log: 1, T: int64(n), Text: []byte("word")})
	}
	calls := 0
	w := everything("word")
	w.Log, w.Begun = func(uint32) bool { return true }, tb.Begun()
	tb.check(tb.Find(t.Context(), w, nil, func(found []Place, _ int64) (bool, error) {
		calls++
		return len(found) == 0, nil
	}))
	if calls != 2 {
		t.Errorf("told %d times, want twice: of nothing, and of the first block", calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := tb.Find(ctx, w, nil, func([]Place, int64) (bool, error) { cancel(); return true, nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	broken := errors.New("broken pipe")
	if err := tb.Find(t.Context(), w, nil, func([]Place, int64) (bool, error) { return true, broken }); err != broken {
		t.Error(err)
	}
}

// Words that are gone are nowhere in the file, sealed or not, and room is used again.
func TestNothingIsLeftOfOldWords(t *testing.T) {
	tb := newTable(t)
	for n := range uint64(8) {
		tb.add(Row{N: n + 1, Log: 1, T: 1, Text: bytes.Repeat([]byte("secret "), 20)})
	}
	before := tb.Size()
	old, err := os.ReadFile(tb.path)
	tb.check(err)
	tb.change(map[uint64]string{2: "", 3: "short"})
	if tb.Size() != before {
		t.Errorf("%d bytes, were %d", tb.Size(), before)
	}
	tb.change(map[uint64]string{4: strings.Repeat("longer ", 30)})
	if tb.holes == 0 || tb.Size() == before {
		t.Fatalf("%d bytes, %d unused", tb.Size(), tb.holes)
	}
	now, err := os.ReadFile(tb.path)
	tb.check(err)
	size := (int(before) - len(tb.start())) / 8
	for i, r := range []int{1, 2, 3} {
		at := len(tb.start()) + r*size + headerSize
		if bytes.Contains(now, old[at:at+size-headerSize]) {
			t.Errorf("block %d is still in the file", i+2)
		}
		if i < 2 && bytes.Count(now[at:at+size-headerSize], []byte{0}) < 100 {
			t.Errorf("of block %d something is left behind its new form", i+2)
		}
	}
	tb.want(everything("secret"))
	tb.reopen()
	tb.want(everything("longer"))
	tb.want(everything("secret"))
}

// A file with many holes is written anew.
func TestHolesGo(t *testing.T) {
	tb := newTable(t)
	const blocks = 40
	for n := range uint64(blocks) {
		tb.add(Row{N: n + 1, Log: 1, T: int64(n), Text: bytes.Repeat([]byte{'a'}, 100_000)})
	}
	tb.check(tb.Follow(7))
	before := tb.Size()
	for n := range uint64(blocks) {
		tb.change(map[uint64]string{n + 1: strings.Repeat("b", 100_001)})
	}
	if tb.Size() > before+leastHoles+300_000 {
		t.Errorf("%d bytes, were %d", tb.Size(), before)
	}
	if info, err := os.Stat(tb.path); err != nil || info.Size() != tb.Size() {
		t.Errorf("the file has %d bytes, counted %d: %v", info.Size(), tb.Size(), err)
	}
	if left, _ := filepath.Glob(tb.path + "*"); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
	tb.want(everything("bbb"))
	tb.reopen()
	tb.want(everything("bbb"))
	if tb.mark != 7 {
		t.Errorf("the mark is %d", tb.mark)
	}
}

// A file that is not what was written, wherever it was cut off or changed, is never taken for it.
func TestDamageIsNoticed(t *testing.T) {
	tb := newTable(t)
	for n := range uint64(6) {
		tb.add(Row{N: 2*n + 1, Log: 1, T: int64(n), Text: []byte("a")}, Row{N: 2*n + 2, Log: 2, T: int64(n), Text: []byte("ab")})
	}
	tb.change(map[uint64]string{3: strings.Repeat("a", 100)}) // a hole
	whole, err := os.ReadFile(tb.path)
	tb.check(err)
	try := func(what string, file []byte) {
		t.Helper()
		tb.check(tb.Close())
		tb.check(os.WriteFile(tb.path, file, 0o600))
		tb.open()
		w := everything("a")
		w.Log, w.Begun = func(uint32) bool { return true }, tb.Begun()
		got := 0
		err := tb.Find(t.Context(), w, nil, func(found []Place, _ int64) (bool, error) { got += len(found); return true, nil })
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if last := tb.Last(); err == nil && got != int(last) {
			t.Errorf("%s: %d found, of all up to %d", what, got, last)
		}
	}
	for i := range whole {
		broken := bytes.Clone(whole)
		broken[i] ^= 1 << (i % 8)
		try(fmt.Sprint("byte ", i), broken)
		try(fmt.Sprint("cut at ", i), whole[:i])
	}
	try("with more behind it", append(bytes.Clone(whole), 1, 2, 3))
	try("as it was", whole)
	if tb.Last() != 12 {
		t.Error("the whole file is not taken")
	}
}

// The cache of another store, or of a later time, is none.
func TestOthersCacheIsNotTaken(t *testing.T) {
	tb := newTable(t)
	tb.add(Row{N: 5, Log: 1, T: 1, Text: []byte("a")})
	tb.check(tb.Follow(3))
	for _, c := range []struct {
		of                   string
		last, followed, mark uint64
		taken                bool
	}{
		{"a store", 5, 3, 3, true}, {"a store", 9, 0, 9, true}, {"another", 5, 3, 3, false},
		{"a store", 4, 3, 3, false}, {"a store", 5, 2, 2, false}, {"a store", 5, 4, 4, false},
	} {
		whole, err := os.ReadFile(tb.path)
		tb.check(err)
		path := filepath.Join(t.TempDir(), "copy")
		tb.check(os.WriteFile(path, whole, 0o600))
		other, err := Open(path, lid{}, Of{[]byte(c.of), c.last, c.followed, c.mark})
		tb.check(err)
		if taken := other.Last() == 5; taken != c.taken {
			t.Errorf("%+v: taken %v", c, taken)
		}
		tb.check(other.Close())
	}
}

// What is no regular file is left alone: a link may lead to something that is somebody's.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	other, link := filepath.Join(dir, "other"), filepath.Join(dir, "search")
	if err := errors.Join(os.WriteFile(other, []byte("precious"), 0o600), os.Symlink(other, link)); err != nil {
		t.Skip(err)
	}
	if c, err := Open(link, lid{}, Of{Store: of}); err == nil {
		t.Error("the link is followed", c.Close())
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

// What a crash has left of a file that was being written anew goes: words in it may have gone since.
func TestLeftoverOfACrashGoes(t *testing.T) {
	tb := newTable(t)
	tb.check(os.WriteFile(tb.path+temporary, []byte("sealed"), 0o600))
	tb.reopen()
	if left, _ := filepath.Glob(tb.path + "*"); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
}

// A crash may leave a block twice: as it was, and as it was written anew behind the others.
func TestCrashBetweenTwoForms(t *testing.T) {
	tb := newTable(t)
	for n := range uint64(3) {
		tb.add(Row{N: n + 1, Log: 1, T: 1, Text: []byte("old")})
	}
	before, err := os.ReadFile(tb.path)
	tb.check(err)
	tb.change(map[uint64]string{2: "new and longer"})
	after, err := os.ReadFile(tb.path)
	tb.check(err)
	tb.check(tb.Close())
	tb.check(os.WriteFile(tb.path, append(before, after[len(before):]...), 0o600))
	tb.open()
	tb.want(everything("old"))
	tb.want(everything("new"))
	if tb.holes == 0 {
		t.Error("the older form is still there")
	}
}

// Where the disk is full nothing was added, and what there is can be searched.
func TestFullDisk(t *testing.T) {
	tb := newTable(t)
	tb.add(Row{N: 1, Log: 1, T: 1, Text: []byte("a")})
	whole := tb.file
	readable, err := os.Open(tb.path) // can't be written
	tb.check(err)
	tb.file = readable
	var b Block
	b.Add(Row{N: 2, Log: 1, T: 2, Text: []byte("a")})
	if err := tb.Append(&b); err == nil {
		t.Error("no error")
	}
	tb.want(everything("a"))
	tb.check(readable.Close())
	tb.file = whole
	tb.add(Row{N: 2, Log: 1, T: 2, Text: []byte("ab")})
	tb.want(everything("a"))
}

// Where a cache is begun anew while somebody searches it, what it has by then is not taken for all.
func TestFindNoticesThatTheCacheWasBegunAnew(t *testing.T) {
	for _, told := range []int{0, 1} { // before the search, and after its first step
		tb := newTable(t)
		rows := []Row{{N: 1, Log: 1, T: 1, Text: []byte("a")}, {N: 2, Log: 1, T: 2, Text: []byte("a")}}
		tb.add(rows[0])
		tb.add(rows[1])
		w := everything("a")
		w.Log = func(uint32) bool { return true }
		w.Begun = tb.Begun()
		again := func() {
			tb.check(tb.Reset(0))
			tb.add(rows...) // in other blocks
		}
		if told == 0 {
			again()
		}
		steps := 0
		err := tb.Find(context.Background(), w, nil, func([]Place, int64) (bool, error) {
			if steps++; steps == told {
				again()
			}
			return true, nil
		})
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("begun anew after %d steps: %v", told, err)
		}
	}
}

// However long the texts become by edits, no block grows without end: it is divided, and whoever searches
// meanwhile is told.
func TestGrownBlockIsDivided(t *testing.T) {
	tb := newTable(t)
	var rows []Row
	texts := map[uint64]string{}
	for n := range uint64(30) {
		rows = append(rows, Row{N: 2*n + 1, Log: 1, T: int64(n), Text: []byte("short")})
		texts[2*n+1] = strings.Repeat("b", 150<<10)
	}
	tb.add(rows[:20]...)
	tb.add(rows[20:]...)
	w := everything("b")
	w.Log, w.Begun = func(uint32) bool { return true }, tb.Begun()
	steps := 0
	err := tb.Find(t.Context(), w, nil, func([]Place, int64) (bool, error) {
		if steps++; steps == 1 {
			tb.change(texts)
		}
		return true, nil
	})
	if !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	for range 2 {
		for _, r := range tb.records {
			if r.size > maxChanged+200<<10 {
				t.Errorf("a block of %d bytes", r.size)
			}
		}
		if tb.Last() != rows[29].N {
			t.Errorf("last is %d", tb.Last())
		}
		tb.want(everything("bb"))
		tb.want(everything("short"))
		tb.reopen()
	}
}

func FuzzBlock(f *testing.F) {
	var b Block
	b.Add(Row{N: 3, Log: 9, T: -5, Text: []byte("a")})
	b.Add(Row{N: 300, Log: 1 << 31, T: math.MaxInt64})
	f.Add(b.marshal(2))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plain []byte) {
		var o opened
		if o.split(plain, 1) != nil || o.parse() != nil {
			return
		}
		b := o.block()
		if len(b.Rows) == 0 {
			return
		}
		var again opened
		if err := errors.Join(again.split(b.marshal(1), 1), again.parse()); err != nil {
			t.Fatal(err)
		}
		if got := again.block(); len(got.Rows) != len(b.Rows) || !slices.EqualFunc(got.Rows, b.Rows, func(x, y Row) bool {
			return cmp.Compare(x.N, y.N) == 0 && x.Log == y.Log && x.T == y.T && bytes.Equal(x.Text, y.Text)
		}) {
			t.Errorf("%+v, want %+v", got, b)
		}
	})
}
