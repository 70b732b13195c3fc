package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
)

// rowsOfBlock is how many rows the blocks of a cache have in tests.
const rowsOfBlock = 3

func query(t testing.TB, words string) fold.Query {
	t.Helper()
	q, err := fold.Parse(words)
	check(t, err)
	return q
}

// found returns all that Search tells, and checks the order and what it says of how far it has looked.
func (n *node) found(t *testing.T, w WantedRows) (rows []Row) {
	t.Helper()
	back, ended := time.UnixMilli(math.MaxInt64), false
	check(t, n.Search(ctx, w, func(f Found) (bool, error) {
		if f.Of > 0 {
			return true, nil
		}
		if ended || f.Back.After(back) {
			t.Errorf("looked back to %v, then to %v", back, f.Back)
		}
		for i := range f.Rows {
			if slices.ContainsFunc(rows, func(r Row) bool { return r.ID == f.Rows[i].ID }) {
				t.Errorf("%q is found twice", f.Rows[i].Text)
			}
			if !f.Rows[i].before(back) {
				t.Errorf("%q of %v comes after all from %v on", f.Rows[i].Text, f.Rows[i].T, back.UnixMilli())
			}
		}
		back, ended = f.Back, f.Back.IsZero()
		rows = append(rows, f.Rows...)
		return true, nil
	}))
	if !ended {
		t.Error("Search does not say that it has looked through all")
	}
	return rows
}

func (r *Row) before(t time.Time) bool { return r.T < t.UnixMilli() }

// scanned returns the same in the plainest way.
func (n *node) scanned(t *testing.T, w WantedRows) (rows []Row) {
	t.Helper()
	for after := uint64(0); ; {
		some, looked, err := n.Arrivals(after, 100, w.Keep)
		check(t, err)
		if looked == after {
			break
		}
		after = looked
		for _, r := range some {
			if w.In(r.folded(nil)) && (w.Since.IsZero() || !r.before(w.Since)) && (w.Before.IsZero() || r.before(w.Before)) {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return -cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.Arrival, b.Arrival)) })
	return rows
}

// maxCompared is up to how many rows searchable compares: a test with more is about their number.
const maxCompared = 200

// searchable compares what is found with what is there, for words of some messages and for others.
// Every test of this package does so when a store is closed.
func (n *node) searchable(t *testing.T) {
	t.Helper()
	words := []string{"e", "nowhere"}
	all, _, err := n.Arrivals(0, maxCompared+1, nil)
	check(t, err)
	if len(all) > maxCompared {
		return
	}
	for i := 0; i < len(all); i += 1 + len(all)/3 {
		if w := strings.Fields(all[i].Text); len(w) > 0 && len(w[0]) < 100 {
			words = append(words, w[0])
		}
	}
	for _, w := range words {
		wanted := WantedRows{Query: query(t, w)}
		equalFound(t, w, n.found(t, wanted), n.scanned(t, wanted))
	}
}

func equalFound(t *testing.T, words string, got, want []Row) {
	t.Helper()
	show := func(rows []Row) (out []string) {
		for i := range rows {
			out = append(out, fmt.Sprintf("%d: %.40q", rows[i].Arrival, rows[i].Text))
		}
		return out
	}
	if g, w := show(got), show(want); !slices.Equal(g, w) {
		t.Errorf("%.40q: found\n  %s\nwant\n  %s", words, strings.Join(g, "\n  "), strings.Join(w, "\n  "))
	}
}

// settled brings the search cache up to date.
func (n *node) settled(t *testing.T) {
	t.Helper()
	check(t, n.searching.catchUp(ctx, func(time.Duration) error { return nil }))
}

// cached returns the plain text of the whole cache, and the bytes of its file.
func (n *node) cached(t *testing.T) (plain, file []byte) {
	t.Helper()
	n.settled(t)
	check(t, n.searching.cache.Each(func(text []byte) { plain = append(plain, text...) }))
	file, err := os.ReadFile(filepath.Join(n.dir, searchFile))
	check(t, err)
	return plain, file
}

// alphabet is what the texts of TestSearchFindsWhatAScanFinds are made of: characters that are the same
// in other cases and forms, and some that can't be seen.
var alphabet = []string{"a", "A", "b", " ", "ß", "SS", "é", "e\u0301", "ﬁ", "fi", "日本", "\u200d", "\u00ad", "한", "👍🏽", "\n", "x"}

func scribble(random *rand.Rand) string {
	var b strings.Builder
	b.WriteString("w")
	for range random.IntN(12) {
		b.WriteString(alphabet[random.IntN(len(alphabet))])
	}
	return b.String()
}

// Search finds what one finds who reads everything: whatever two in a group and a third in a direct
// conversation write, edit and recall, in whatever order it comes; whatever a limit hides; whoever is
// blocked; after the node was closed, after it was killed at any moment, and after its disk went back.
func TestSearchFindsWhatAScanFinds(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 11))
		n := newNode(t)
		group, direct := group(n), newPen(t)
		c := direct.meets(n, true)
		pens := []*pen{penIn(t, group), penIn(t, group), direct}
		said := make([][]event.Event, len(pens))
		var own []Entry
		var cache, whole string // copies of the search cache, and of the ledger with it
		blocked := crypto.PersonID{}
		keep := func(s Source) bool { return s.Author != blocked }
		for step := range 150 {
			i := random.IntN(len(pens))
			p := pens[i]
			n.wait(time.Duration(random.IntN(3000)) * time.Millisecond)
			say := func() {
				e := p.write(event.KindText, text(scribble(random)), n.now().Add(-time.Duration(random.IntN(20))*time.Second))
				said[i] = append(said[i], e)
				if random.IntN(4) > 0 { // else it comes with what follows
					_, err := p.give(n, said[i][len(said[i])-1])
					if err != nil && !errors.Is(err, ErrCut) {
						t.Fatal(err)
					}
				}
			}
			switch random.IntN(14) {
			case 0, 1, 2, 3:
				say()
			case 4:
				own = append(own, n.say([]event.Conversation{group, c}[random.IntN(2)], scribble(random)))
			case 5, 6: // of what was said, and maybe not here yet
				if len(said[i]) == 0 {
					continue
				}
				of := said[i][random.IntN(len(said[i]))].ID
				if random.IntN(3) == 0 {
					said[i] = append(said[i], p.recalls(of, n.now()))
				} else {
					said[i] = append(said[i], p.edits(of, scribble(random), n.now()))
				}
				_, _ = p.give(n, said[i]...) // all that was held back, too; refused where it is cut
			case 7:
				if len(own) > 0 {
					x := own[random.IntN(len(own))]
					if random.IntN(2) == 0 {
						_, _ = n.Recall(ctx, x.ID) // it may be too late
					} else {
						_, _ = n.edit(x.Conversation, x.ID, scribble(random))
					}
				}
			case 8:
				if i < 2 {
					check(t, n.SetLimits(ctx, group, map[event.Log]uint64{p.log: uint64(random.IntN(20))}))
				}
			case 9:
				check(t, n.SetLimits(ctx, group, nil))
			case 10:
				blocked = crypto.PersonID{}
				if random.IntN(2) == 0 {
					blocked = p.card.Person()
				}
			case 11:
				switch random.IntN(4) {
				case 0:
					n.reopen()
				case 1:
					cache = n.copyCache(t)
				case 2: // killed: the cache is as it was at some time before
					if cache != "" {
						n.putCache(t, cache)
					}
				default:
					n.settled(t)
				}
			case 12: // the disk goes back, with the cache or without
				if random.IntN(3) > 0 {
					whole = n.backup()
				} else if whole != "" {
					n.restore(whole)
					cache, own = "", nil
				}
			default:
				w := WantedRows{Query: query(t, scribble(random)[1:]+"w"), Keep: keep}
				if random.IntN(2) == 0 {
					w.Query = query(t, []string{"a", "ss w", "fi", "é", "本", "x", "w"}[random.IntN(7)])
				}
				if random.IntN(2) == 0 {
					w.Since = n.now().Add(-time.Duration(random.IntN(60)) * time.Second)
				}
				if random.IntN(2) == 0 {
					w.Before = n.now().Add(-time.Duration(random.IntN(60)) * time.Second)
				}
				want := n.scanned(t, w)
				equalFound(t, fmt.Sprint("seed ", seed, ", step ", step), n.found(t, w), want)
				if len(want) > 0 {
					at := random.IntN(len(want))
					w.After = &want[at].ID
					equalFound(t, fmt.Sprint("seed ", seed, ", step ", step, ", after ", at), n.found(t, w), want[at+1:])
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
		n.stop()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// copyCache returns a copy of the search cache as it is on the disk.
func (n *node) copyCache(t *testing.T) string {
	b, err := os.ReadFile(filepath.Join(n.dir, searchFile))
	check(t, err)
	return string(b)
}

// putCache closes the store and opens it with another search cache.
func (n *node) putCache(t *testing.T, cache string) {
	n.stop()
	check(t, os.WriteFile(filepath.Join(n.dir, searchFile), []byte(cache), 0o600))
	n.open()
}

// No word of a message that was recalled, or given back, or that an edit has replaced, is left in the
// search cache, sealed or not; and none is readable in any file.
func TestNoWordOfARecalledMessageIsLeft(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	var theirs []event.Event
	for i := range 20 {
		theirs = append(theirs, p.say(fmt.Sprint("theirsecret", i, " ", strings.Repeat("filling ", i))))
	}
	_, err := p.give(n, theirs...)
	check(t, err)
	mine := n.say(c, "mysecret")
	for range rowsOfBlock {
		n.say(c, "later")
	}
	plain, file := n.cached(t)
	for _, w := range []string{"theirsecret7", "theirsecret12", "mysecret"} {
		if !bytes.Contains(plain, []byte(w)) {
			t.Fatalf("%s is not in the cache", w)
		}
	}
	if !n.readable(t, "earshot search") || n.readable(t, "secret") {
		t.Error("words are readable")
	}
	_, err = p.give(n, p.recalls(theirs[7].ID, epoch), p.edits(theirs[12].ID, "other words "+strings.Repeat("x", 500), epoch))
	check(t, err)
	_, err = n.Recall(ctx, mine.ID)
	check(t, err)
	n.stop() // before the cache was brought up to date, maybe
	n.open()
	now, after := n.cached(t)
	for _, w := range []string{"theirsecret7", "theirsecret12", "mysecret"} {
		if bytes.Contains(now, []byte(w)) {
			t.Errorf("%s is in the cache", w)
		}
	}
	if !bytes.Contains(now, []byte("theirsecret11")) || !bytes.Contains(now, []byte("other words xxx")) {
		t.Error("what was not recalled is not in the cache")
	}
	// What was sealed before can't be found in the file either, whoever gets hold of the key.
	same, block := 0, 64
	for at := 0; at+block <= len(file); at += block {
		if bytes.Contains(after, file[at:at+block]) {
			same++
		}
	}
	if same*block > len(file)*3/4 || same == 0 {
		t.Errorf("of %d stretches of the file %d are as they were", len(file)/block, same)
	}
	stranger := newPen(t)
	stranger.meets(n, false)
	for i := range 4 * rowsOfBlock {
		_, err = stranger.give(n, stranger.say(fmt.Sprint("strange", i)))
		check(t, err)
	}
	if now, _ = n.cached(t); !bytes.Contains(now, []byte("strange5")) {
		t.Fatal("the stranger's words are not in the cache")
	}
	check(t, n.Discard(ctx, stranger.card.Person()))
	if now, _ = n.cached(t); bytes.Contains(now, []byte("strange")) {
		t.Error("what was given back is in the cache")
	}
}

// readable reports whether any file of the directory has a text.
func (n *node) readable(t *testing.T, text string) bool {
	t.Helper()
	files, err := os.ReadDir(n.dir)
	check(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(n.dir, f.Name()))
		if err == nil && bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// A search cache that is damaged, missing, or can't be made costs time and nothing else.
func TestSearchWithoutACache(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	for i := range 40 {
		_, err := p.give(n, p.say(fmt.Sprint("word ", i)))
		check(t, err)
		n.say(c, "answer")
	}
	n.settled(t)
	all := WantedRows{Query: query(t, "word")}
	want := n.scanned(t, all)
	whole := n.copyCache(t)
	for i := 0; i < len(whole); i += 1 + len(whole)/40 {
		broken := []byte(whole)
		broken[i] ^= 4
		n.putCache(t, string(broken))
		equalFound(t, fmt.Sprint("with byte ", i, " broken"), n.found(t, all), want)
	}
	n.stop()
	path := filepath.Join(n.dir, searchFile)
	check(t, os.Remove(path))
	n.open()
	equalFound(t, "made anew", n.found(t, all), want)
	n.stop()
	check(t, os.Remove(path))
	check(t, os.Mkdir(path, 0o700))
	n.open()
	if n.searching.cache != nil {
		t.Fatal("there is a cache")
	}
	equalFound(t, "without", n.found(t, all), want)
}

// A block is made when so many rows have come since the one before, or so much text, however often it is looked
// at meanwhile.
func TestBlocksAreMadeOfMuch(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	n.searching.rows = 8
	comes := func(messages int, text string, block bool) {
		t.Helper()
		before := n.searching.cache.Last()
		for range messages {
			n.say(c, text)
			n.settled(t)
		}
		if made := n.searching.cache.Last() > before; made != block {
			t.Errorf("after %d of %d bytes: a block: %v", messages, len(text), made)
		}
	}
	comes(7, "short", false)
	comes(1, "short", true)
	comes(7, "short", false)
	comes(1, "short", true)
	long := strings.Repeat("x", event.MaxText-1)
	comes(4, long, true)
	comes(3, long, false)
	comes(1, long, true)
}

// The last room of a disk is for what the owner writes, and not for the cache. What is there is found.
func TestCacheLeavesTheLastRoom(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	for i := range 4 * rowsOfBlock {
		n.say(c, fmt.Sprint("word ", i))
	}
	n.stop()
	check(t, os.Remove(filepath.Join(n.dir, searchFile)))
	s, err := Open(Config{Dir: n.dir, Now: n.now, Identify: n.identify, Space: func(string) (Space, bool) { return Space{Free: 1 << 20, Total: 1 << 30}, true }})
	check(t, err)
	defer func() { check(t, s.Close()) }()
	full := &node{Store: s, t: t, dir: n.dir}
	s.searching.rows = rowsOfBlock
	full.settled(t)
	if last := s.searching.cache.Last(); last != 0 {
		t.Errorf("the cache goes up to %d", last)
	}
	all := WantedRows{Query: query(t, "word")}
	equalFound(t, "without room", full.found(t, all), full.scanned(t, all))
}

// It is told how far the cache is while it is made, and whoever has enough, or goes away, is told no
// more.
func TestSearchEnds(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	for i := range 100 {
		_, err := p.give(n, p.say(fmt.Sprint("word ", i)))
		check(t, err)
	}
	all := WantedRows{Query: query(t, "word")}
	rows := 0
	check(t, n.Search(ctx, all, func(f Found) (bool, error) {
		rows += len(f.Rows)
		return rows == 0, nil
	}))
	if rows == 0 || rows > maxFound {
		t.Errorf("%d rows were told", rows)
	}
	ending, cancel := context.WithCancel(ctx)
	if err := n.Search(ending, all, func(Found) (bool, error) { cancel(); return true, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	broken := errors.New("broken pipe")
	if err := n.Search(ctx, all, func(Found) (bool, error) { return true, broken }); err != broken {
		t.Error(err)
	}
	all.After = &event.ID{9}
	if err := n.Search(ctx, all, func(Found) (bool, error) { return true, nil }); err != ErrNoEvent {
		t.Error(err)
	}
}

// sentence returns words as people write them: about 80 bytes, of some 5,000 words.
func sentence(random *rand.Rand) string {
	var b strings.Builder
	for b.Len() < 75 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		n := int(math.Pow(5000, random.Float64())) // a few words are common
		for range 2 + n%7 {
			b.WriteByte("etaoinshrdlucmfwyp"[n%18])
			n = n*31 + 7
		}
	}
	return b.String()
}

// What it costs to make the search cache and to look for words, in a store of so many messages.
func BenchmarkSearch(b *testing.B) {
	const messages = 200_000
	s, c, _ := benchStore(b)
	random := rand.New(rand.NewPCG(1, 1))
	text, common := 0, sentence(random)[:3]
	for range messages / 500 {
		drafts := make([]Draft, 500)
		for i := range drafts {
			words := sentence(random)
			text += len(words)
			drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: must(event.Text{Text: words}.Marshal())}
		}
		_, err := s.AppendAll(ctx, drafts)
		check(b, err)
	}
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			s.searching.mu.Lock()
			check(b, s.searching.cache.Reset(0))
			s.searching.mu.Unlock()
			check(b, s.searching.catchUp(ctx, func(time.Duration) error { return nil }))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
		b.ReportMetric(float64(s.searching.cache.Size())/float64(text), "cache/text")
	})
	for name, words := range map[string]string{"common": common, "missing": "zzzzz", "two words": common + " zzzz"} {
		q := query(b, words)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found := 0
				check(b, s.Search(ctx, WantedRows{Query: q}, func(f Found) (bool, error) {
					found += len(f.Rows)
					return found < 20, nil
				}))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages*1e6/1e6, "ms/1,000,000")
		})
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// While others write, edit and recall, searches find what was there before and is still there.
func TestSearchWhileOthersWrite(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	for i := range 50 {
		_, err := p.give(n, p.say(fmt.Sprint("old ", i)))
		check(t, err)
	}
	var busy sync.WaitGroup
	busy.Go(func() {
		for i := range 60 {
			m := n.say(c, fmt.Sprint("new ", i))
			switch i % 3 {
			case 0:
				_, err := n.Recall(ctx, m.ID)
				check(t, err)
			case 1:
				_, err := n.edit(c, m.ID, strings.Repeat("longer ", i))
				check(t, err)
			}
		}
	})
	for range 3 {
		busy.Go(func() {
			for range 30 {
				if got := len(n.found(t, WantedRows{Query: query(t, "old")})); got != 50 {
					t.Errorf("%d of 50 found", got)
				}
				n.found(t, WantedRows{Query: query(t, "new")}) // none of them twice
			}
		})
	}
	busy.Wait()
	equalFound(t, "longer", n.found(t, WantedRows{Query: query(t, "longer")}), n.scanned(t, WantedRows{Query: query(t, "longer")}))
}

// An edit came before the message that it edits, which is a second one under the key of another: the
// row is found by its words now.
func TestTwinThatWasEditedIsFound(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("first")
	_, err := p.give(n, first)
	check(t, err)
	for range rowsOfBlock {
		n.say(c, "later")
	}
	p.restart(c)
	second := p.say("second", func(h *event.Header) { h.Key = first.Header.Key })
	edit := p.edits(second.ID, "edited", epoch)
	_, err = p.give(n, stripped(second), edit)
	check(t, err)
	n.settled(t)
	_, err = p.give(n, second, edit)
	check(t, err)
	n.settled(t)
	for words, want := range map[string]int{"edited": 1, "first": 0} {
		if got := n.found(t, WantedRows{Query: query(t, words)}); len(got) != want {
			t.Errorf("%s: %d found, want %d", words, len(got), want)
		}
	}
}

// What has other words again while the cache takes in what it had before is noted still.
func TestWordsThatChangeMeanwhileAreNoted(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	m := n.say(c, "one")
	release := n.searching.hold()
	_, err := n.edit(c, m.ID, "two")
	check(t, err)
	before, err := n.reworded()
	check(t, err)
	_, err = n.edit(c, m.ID, "three")
	check(t, err)
	check(t, n.followed(ctx, before))
	after, err := n.reworded()
	check(t, err)
	if len(before.keys) != 1 || len(after.keys) != 1 {
		t.Errorf("%d notes, then %d, want the one", len(before.keys), len(after.keys))
	}
	check(t, n.followed(ctx, after))
	if now, err := n.reworded(); err != nil || len(now.keys) > 0 {
		t.Errorf("%d notes are left: %v", len(now.keys), err)
	}
	release()
}

// hold keeps the cache as it is.
func (f *searching) hold() (release func()) {
	f.mu.Lock()
	return f.mu.Unlock
}

// A text that is folded into many times its length takes twice its length in the cache.
func TestFoldedTextIsBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("\ufdfa", 1000), "\u3316", "ß", "plain", ""} {
		got := folded([]byte("before"), text)
		if !utf8.Valid(got) || len(got) > len("before")+2*len(text) || !bytes.HasPrefix(got, []byte("before")) {
			t.Errorf("%.9q: %d bytes", text, len(got))
		}
		if whole := fold.Fold(text); !strings.HasPrefix(whole, string(got[6:])) || len(whole) <= 2*len(text) && len(got) < 6+len(whole) {
			t.Errorf("%.9q: %.20q", text, got[6:])
		}
	}
}

// The machine lost its power, and the cache is as it was before it had followed: that is noticed.
// Since and Before are any times, not only whole milliseconds.
func TestSearchWithinAMillisecond(t *testing.T) {
	n, p := newNode(t), newPen(t)
	m := n.say(p.meets(n, true), "edge")
	at := time.UnixMilli(m.T)
	for _, c := range []struct {
		since, before time.Time
		want          int
	}{
		{since: at, want: 1}, {since: at.Add(1), want: 0}, {before: at, want: 0}, {before: at.Add(1), want: 1},
	} {
		if got := n.found(t, WantedRows{Query: query(t, "edge"), Since: c.since, Before: c.before}); len(got) != c.want {
			t.Errorf("since %v, before %v: %d found, want %d", c.since, c.before, len(got), c.want)
		}
	}
}

func TestCacheOfEarlierIsNotTaken(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	m := n.say(c, "one")
	for range rowsOfBlock {
		n.say(c, "later")
	}
	n.settled(t)
	earlier := n.copyCache(t)
	_, err := n.edit(c, m.ID, "two")
	check(t, err)
	n.settled(t)
	n.putCache(t, earlier)
	for words, want := range map[string]int{"one": 0, "two": 1} {
		if got := n.found(t, WantedRows{Query: query(t, words)}); len(got) != want {
			t.Errorf("%s: %d found, want %d", words, len(got), want)
		}
	}
}
