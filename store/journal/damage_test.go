package journal

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// history is a journal in memory, and what was done with it.
type history struct {
	m     *memory
	j     *Journal
	all   []batch    // those that were skipped have no body
	in    [2][]batch // those that the files have, in this filling
	floor uint64     // the database has those up to here
}

func newHistory(t tester, size int64) *history {
	m, j := create(t, size)
	return &history{m: m, j: j}
}

func (h *history) add(t tester, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		i := h.j.Active()
		b := add(t, h.j, body)
		if b.at == 0 {
			h.in[i] = nil
		}
		h.in[i], h.all = append(h.in[i], b), append(h.all, b)
	}
}

func (h *history) turn() {
	h.j.Turn()
	if in := h.in[h.j.Active()]; len(in) > 0 {
		h.floor = max(h.floor, in[len(in)-1].Number)
	}
}

func (h *history) skip() {
	l := Link{h.j.Last().Number + 1, Sum{9, 9}}
	h.j.Skip(l)
	h.all, h.floor = append(h.all, batch{Link: l}), l.Number
}

// link returns the link of a batch.
func (h *history) link(n uint64) Link {
	if n == 0 {
		return Link{}
	}
	return h.all[n-1].Link
}

// files returns a copy of the files.
func (h *history) files() *memory { return newMemory(h.m.content[Names[0]], h.m.content[Names[1]]) }

// databases goes over what the database may have.
func (h *history) databases(f func(Last)) {
	most := uint64(0) // that is journaled
	for _, in := range h.in {
		if len(in) > 0 {
			most = max(most, in[len(in)-1].Number)
		}
	}
	for n := h.floor; n <= uint64(len(h.all)); n++ {
		for _, journaled := range slices.Compact([]uint64{0, min(n, most), most}) {
			f(Last{h.link(n), journaled})
		}
	}
}

// expect checks what is opened of files in which one record is broken; nil: none is.
func (h *history) expect(t *testing.T, files *memory, has Last, broken *batch) {
	t.Helper()
	reached, beyond := map[uint64]batch{}, uint64(0)
	top := uint64(0)
	for _, in := range h.in {
		whole := true
		for _, b := range in {
			switch {
			case broken != nil && b.Number == broken.Number:
				whole = false
			case whole:
				reached[b.Number] = b
				top = max(top, b.Number)
			default:
				beyond = max(beyond, b.Number)
			}
		}
	}
	var want []batch
	ok := beyond <= max(top, has.Number) && has.Journaled <= top
	for n := has.Number + 1; n <= top; n++ {
		b, is := reached[n]
		ok = ok && is
		want = append(want, b)
	}
	if ok {
		replays(t, files, has, want...)
	} else {
		refuses(t, files, has)
	}
}

// histories are journals in different states.
func histories(t tester) map[string]*history {
	all := map[string]*history{}
	named := func(name string, f func(h *history)) {
		h := newHistory(t, 300)
		f(h)
		all[name] = h
	}
	named("new", func(h *history) { h.add(t, "first", "second", "", "fourth") })
	named("one", func(h *history) { h.add(t, "first") })
	named("turned", func(h *history) { h.add(t, "first", "second"); h.turn() })
	named("second file", func(h *history) { h.add(t, "first", "second", "third"); h.turn(); h.add(t, "fourth", "fifth") })
	named("one in the second file", func(h *history) { h.add(t, "first", "second"); h.turn(); h.add(t, "third") })
	named("over an old filling", func(h *history) {
		h.add(t, "first", "second", "third", "fourth")
		h.turn()
		h.add(t, "fifth", "sixth")
		h.turn()
		h.add(t, "a seventh that ends elsewhere", "eighth", "ninth")
	})
	named("over an old filling of the same sizes", func(h *history) {
		h.add(t, "11111", "22222", "33333", "44444")
		h.turn()
		h.add(t, "55555", "66666")
		h.turn()
		h.add(t, "77777", "88888")
	})
	named("skipped", func(h *history) { h.add(t, "first", "second"); h.turn(); h.skip() })
	named("after one that was skipped", func(h *history) {
		h.add(t, "first", "second")
		h.skip()
		h.skip()
		h.add(t, "fifth", "sixth", "seventh")
	})
	return all
}

// TestEveryByte alters every byte of both files, one at a time. What is missing then is refused. What is not:
//   - the last record: it may be one that a crash has torn, unless the database knows that it was journaled;
//   - a record that the database has, and the records behind it in this file, if the database has them too,
//     and does not know of a later one that was journaled than those before them;
//   - what is left of an earlier filling, and zeros.
func TestEveryByte(t *testing.T) {
	for name, h := range histories(t) {
		t.Run(name, func(t *testing.T) {
			refused, torn, unused := 0, 0, 0
			h.databases(func(has Last) { h.expect(t, h.files(), has, nil) })
			for i, file := range Names {
				for at := range h.m.content[file] {
					var hit *batch
					for _, b := range h.in[i] {
						if int64(at) >= b.at && int64(at) < b.end {
							hit = &b
						}
					}
					for _, mask := range []byte{0x01, 0xff} {
						files := h.files()
						files.content[file][at] ^= mask
						h.databases(func(has Last) { h.expect(t, files, has, hit) })
					}
					switch {
					case hit == nil:
						unused++
					case hit.Number == uint64(len(h.all)):
						torn++
					default:
						refused++
					}
				}
			}
			t.Logf("bytes: %d of the last record, %d of others, %d of none", torn, refused, unused)
		})
	}
}

// TestOnlyTheLastIsLeft: of two files full of records, one is left as it was written. It shows that others are
// gone, unless it is where the next record would be torn.
func TestOnlyTheLastIsLeft(t *testing.T) {
	const records = 10
	h := newHistory(t, records*HeaderSize)
	for range Names {
		for range records {
			h.add(t, "")
		}
		h.turn()
	}
	for i, file := range Names {
		for _, b := range h.in[i][1:] {
			files := newMemory(make([]byte, records*HeaderSize), make([]byte, records*HeaderSize))
			copy(files.content[file][b.at:b.end], h.m.content[file][b.at:])
			refuses(t, files, Last{})
			replays(t, files, Last{Link: b.Link})
		}
	}
}

// tears writes a record in part, over files as they were: every number of its first bytes, and every part of
// its sectors.
func tears(before, after *memory, file string, b batch, f func(*memory)) {
	torn := func(write func(to, from []byte)) {
		files := newMemory(before.content[Names[0]], before.content[Names[1]])
		write(files.content[file][b.at:b.end], after.content[file][b.at:b.end])
		f(files)
	}
	for n := range b.end - b.at + 1 {
		torn(func(to, from []byte) { copy(to[:n], from) })
	}
	const sectors = 6
	sector := int(b.end-b.at+sectors-1) / sectors
	for part := range 1 << sectors {
		torn(func(to, from []byte) {
			for i := range sectors {
				if at := i * sector; part>>i&1 > 0 && at < len(to) {
					copy(to[at:min(at+sector, len(to))], from[at:])
				}
			}
		})
	}
}

// TestTorn: a record of which a part was written is the end, and nothing else, wherever it stands and
// whatever stood there. What is written then is read, also if it is torn in turn.
func TestTorn(t *testing.T) {
	for name, h := range histories(t) {
		for _, turns := range []bool{false, true} {
			if turns && h.j.end == 0 {
				continue // it was turned already
			}
			for _, body := range []string{"", "as before", "a long one, which reaches over the first one that stood in this file before"} {
				t.Run(fmt.Sprint(name, turns, len(body)), func(t *testing.T) {
					h := h.reopened(t)
					if turns {
						h.turn()
					}
					body = body[:min(int64(len(body)), h.j.Room())]
					before, known := h.files(), len(h.all)
					active := h.j.Active()
					without, file := *h, Names[active]
					h.add(t, body)
					if h.all[known].at == 0 {
						without.in[active] = nil // its old filling, which the database has
					}
					after := h.files()
					tears(before, after, file, h.all[known], func(files *memory) {
						if bytes.Equal(files.content[file], after.content[file]) {
							h.databases(func(has Last) { h.expect(t, files, has, nil) })
							return
						}
						without.databases(func(has Last) { without.expect(t, files, has, nil) })
						without.goesOn(t, files)
					})
				})
			}
		}
	}
}

// goesOn writes a record where one was torn, as if nothing had been, and then tears that one.
func (h *history) goesOn(t *testing.T, files *memory) {
	t.Helper()
	files = newMemory(files.content[Names[0]], files.content[Names[1]])
	has := Last{Link: h.link(h.floor)}
	j, got, err := reopen(files, has)
	check(t, err)
	if j.Room() == 0 {
		j.Turn()
	}
	var want []batch
	for _, r := range got {
		want = append(want, batch{Link: r.Link, body: string(r.Body)})
	}
	next := add(t, j, "n")
	if next.Number != uint64(len(h.all))+1 {
		t.Fatalf("batch %d comes after %d", next.Number, len(h.all))
	}
	replays(t, files, has, append(want, next)...)
	files.content[Names[j.Active()]][j.end-1]++
	replays(t, files, has, want...)
}

// reopened returns a history that goes on with copies of the files.
func (h *history) reopened(t *testing.T) *history {
	t.Helper()
	c := *h
	c.m, c.all = h.files(), slices.Clone(h.all)
	for i := range c.in {
		c.in[i] = slices.Clone(h.in[i])
	}
	n := max(h.floor, uint64(len(h.all)))
	j, _, err := reopen(c.m, Last{Link: h.link(n)})
	check(t, err)
	c.j = j
	if h.j.end == 0 && j.end > 0 { // it was turned
		c.turn()
	}
	return &c
}
