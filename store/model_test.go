package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// model is what one store should hold, kept the simplest way.
type model struct {
	texts  map[event.ID]string // rows by ID; empty once recalled. How many files they have, they say
	unread map[event.ID]bool
	states map[event.ID]State // of one's own
	shown  []event.ID         // in the order of the view when last looked at
}

func newModel() *model {
	return &model{texts: map[event.ID]string{}, unread: map[event.ID]bool{}, states: map[event.ID]State{}}
}

// check compares a store with its model.
func (m *model) check(t *testing.T, what string, n *node, c event.Conversation) {
	t.Helper()
	rows := n.rows(c)
	if len(rows) != len(m.texts) {
		t.Fatalf("%s: %d rows, want %d", what, len(rows), len(m.texts))
	}
	var order []event.ID
	for i, r := range rows {
		want, ok := m.texts[r.ID]
		if !ok || r.Text != want || r.Recalled != (want == "") {
			t.Fatalf("%s: row %q, want %q", what, r.Text, want)
		}
		if len(r.Files) != filesIn(want) {
			t.Fatalf("%s: %d files of %q", what, len(r.Files), want)
		}
		if state, own := m.states[r.ID]; own != r.Own || r.State != state {
			t.Fatalf("%s: %q is %v, want %v", what, r.Text, r.State, state)
		}
		if i > 0 && rows[i-1].T > r.T {
			t.Fatalf("%s: rows out of order", what)
		}
		order = append(order, r.ID)
	}
	was := slices.DeleteFunc(slices.Clone(order), func(id event.ID) bool { return !slices.Contains(m.shown, id) })
	if !slices.Equal(was, m.shown) {
		t.Fatalf("%s: shown rows changed places", what)
	}
	m.shown = order
	unread, _, err := n.Unread(0, 1<<20, nil)
	check(t, err)
	got := map[event.ID]bool{}
	for _, r := range unread {
		got[r.ID] = true
	}
	count, err := n.CountUnread(nil)
	check(t, err)
	if !maps.Equal(got, m.unread) || count != len(got) {
		t.Fatalf("%s: %d unread, %d counted, want %d", what, len(got), count, len(m.unread))
	}
	pending := n.outbox()
	queued := 0
	for _, state := range m.states {
		if state == Queued {
			queued++
		}
	}
	if len(pending) != queued {
		t.Fatalf("%s: %d pending, want %d", what, len(pending), queued)
	}
	for log, segments := range n.logs(c) {
		for _, g := range segments {
			for seq := g.First; seq <= g.Last; {
				run, err := n.LoadRun(log, seq, event.MaxRunEvents, event.MaxRunSent)
				check(t, err)
				check(t, run.Prove())
				seq = run.Segment().Last + 1
			}
		}
	}
}

// filesIn returns how many files a message with these words has, in the model.
func filesIn(words string) int {
	var step, files int
	fmt.Sscanf(words, "words %d, files %d", &step, &files)
	return files
}

// TestModel does random things with two stores and holds them to their models after each: as they
// run, after a restart, and as a crash before or after the last transaction would have left them.
func TestModel(t *testing.T) {
	seeds, steps := 6, 60
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 3))
			a, b, c := pair(t)
			nodes, models := []*node{a, b}, []*model{newModel(), newModel()}
			keys := []map[string]bool{{}, {}}
			for step := range steps {
				i := rnd.IntN(2)
				n, m, o, p := nodes[i], models[i], nodes[1-i], models[1-i]
				before := n.backup()
				undone := &model{maps.Clone(m.texts), maps.Clone(m.unread), maps.Clone(m.states), slices.Clone(m.shown)}
				what := fmt.Sprintf("seed %d, step %d", seed, step)
				switch op := rnd.IntN(10); {
				case op < 4:
					words := fmt.Sprintf("words %d, files %d", step, max(0, rnd.IntN(5)-2))
					key := fmt.Sprint(rnd.IntN(30))
					if keys[i][key] {
						k := event.KeyFor(key)
						_, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text(words), Key: &k})
						if err != ErrKeyUsed {
							t.Fatalf("%s: %v", what, err)
						}
						what += ": key used"
						break
					}
					k := event.KeyFor(key)
					var names []string
					for i := range filesIn(words) {
						names = append(names, fmt.Sprint(i))
					}
					e, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text(words), Attachments: attachments(names...), Key: &k})
					check(t, err)
					keys[i][key] = true
					m.texts[e.ID], m.states[e.ID] = words, Queued
					what += ": append"
				case op < 6:
					meet(n, o, c)
					for id, state := range m.states {
						if state == Queued {
							m.states[id] = Delivered
							if _, held := p.texts[id]; !held {
								p.texts[id], p.unread[id] = m.texts[id], true
							}
						}
					}
					what += ": meet"
				case op < 7: // without an acknowledgement: the link broke
					log := n.log(c)
					if log == (event.Log{}) {
						break
					}
					for _, gap := range n.logs(c)[log].Missing(o.logs(c)[log]) {
						run, err := n.LoadRun(log, gap.First, event.MaxRunEvents, event.MaxRunSent)
						check(t, err)
						_, err = o.take(run, Origin{Author: n.own.Person})
						check(t, err)
						for _, e := range run.Events {
							if words, own := m.texts[e.ID]; own && e.Absent == event.Present {
								p.texts[e.ID], p.unread[e.ID] = words, true
							}
						}
						break
					}
					what += ": push"
				case op < 8:
					ids := sortedIDs(m.unread)
					if len(ids) == 0 {
						break
					}
					id := ids[rnd.IntN(len(ids))]
					if step%2 == 0 {
						row, err := n.Row(id)
						check(t, err)
						newest, err := n.MarkArrived(ctx, true, row.Arrival)
						check(t, err)
						if len(newest) != 1 || newest[c] != row.Arrival {
							t.Fatalf("%s: read up to %v", what, newest)
						}
					} else {
						check(t, n.MarkRead(ctx, true, id))
					}
					delete(m.unread, id)
					what += ": read"
				case op < 9:
					ids := sortedIDs(m.states)
					if len(ids) == 0 {
						break
					}
					id := ids[rnd.IntN(len(ids))]
					_, err := n.Cancel(ctx, id)
					switch m.states[id] {
					case Queued:
						check(t, err)
						m.states[id], m.texts[id] = Cancelled, ""
						if _, held := p.texts[id]; held {
							// o has the words: the next acknowledgement tells, and the recall takes
							// them.
							acknowledge(o, n, c)
							meet(n, o, c)
							m.states[id], p.texts[id] = Delivered, ""
							delete(p.unread, id)
							for other, state := range m.states {
								if state == Queued {
									m.states[other] = Delivered
									if _, held := p.texts[other]; !held {
										p.texts[other], p.unread[other] = m.texts[other], true
									}
								}
							}
						}
					case Cancelled:
						check(t, err)
					default:
						if err != ErrAcknowledged {
							t.Fatalf("%s: cancel: %v", what, err)
						}
					}
					what += ": cancel"
				default:
					n.reopen()
					what += ": reopen"
				}
				n.wait(time.Second)
				o.wait(time.Second)
				m.check(t, what, n, c)
				p.check(t, what, o, c)
				if step%7 == 0 {
					crashed(t, before, what+", crash before", undone, c)
					crashed(t, n.backup(), what+", crash after", m, c)
				}
			}
		})
	}
}

// crashed opens what a crash left.
func crashed(t *testing.T, dir, what string, m *model, c event.Conversation) {
	t.Helper()
	n := &node{t: t, dir: dir, at: epoch}
	n.open()
	m.check(t, what, n, c)
	n.stop()
}

func sortedIDs[V any](m map[event.ID]V) []event.ID {
	return slices.SortedFunc(maps.Keys(m), func(a, b event.ID) int { return slices.Compare(a[:], b[:]) })
}
