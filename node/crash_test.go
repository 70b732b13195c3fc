package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// TestWhatWasSaidSurvivesCrash kills a node at once when a peer has seen an acknowledgement or a
// receipt of it. Started from what was on its disk then, it must hold and say no less.
func TestWhatWasSaidSurvivesCrash(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Bob")
		var receipt uint64 // the highest counter seen
		for round := range uint64(8) {
			m.greet(ann)
			m.offer()
			m.send(m.run(m.event(fmt.Sprint(round))))
			if round%2 == 0 {
				m.await(func(*wire.Frame) bool { return m.acknowledged(round + 1) })
			} else {
				if round%4 == 3 {
					m.until(ann, "it is acknowledged", func(s *seen) bool { return s.holds(m, round+1) })
					unread, err := unread(ann.Node, chat.Filter{})
					if err != nil || len(unread) == 0 {
						t.Fatalf("nothing unread: %v", err)
					}
					for _, u := range unread {
						if err := ann.Messages().MarkRead(t.Context(), u.ID); err != nil {
							t.Fatal(err)
						}
					}
				}
				m.await(func(f *wire.Frame) bool {
					if f.Record == nil || !covers(&f.Record.Record, round%4 == 3, round+1) {
						return false
					}
					receipt = max(receipt, f.Record.Record.Counter)
					return true
				})
			}
			ann.kill()
			ann.start()
			if got := texts(m.rowsAt(ann)); len(got) != int(round)+1 {
				t.Fatalf("after round %d Ann has %q", round, got)
			}
			m.greet(ann)
			m.offer()
			m.until(ann, "Ann offers what she has", func(s *seen) (offered bool) {
				s.each(func(f *wire.Frame) { offered = offered || f.Offers != nil })
				return offered
			})
			if !m.seen.holds(m, round+1) {
				t.Errorf("round %d: what was acknowledged is not offered", round)
			}
			held := uint64(0)
			m.seen.each(func(f *wire.Frame) {
				if f.Offers != nil {
					for _, o := range f.Offers.Offers {
						for _, r := range o.Records {
							held = max(held, r.Counter)
						}
					}
				}
			})
			if held < receipt {
				t.Errorf("round %d: receipt %d was sent, %d is held", round, receipt, held)
			}
		}
	})
}

// TestReadThenCrash kills a node when its owner has read a message and the receipt is not signed.
func TestReadThenCrash(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		bob.meets(5*time.Second, ann)
		sent := ann.say(bob, "hello")
		ann.reaches(5*time.Second, sent, chat.StateDelivered)
		time.Sleep(5 * time.Second)
		if err := bob.Messages().MarkRead(t.Context(), sent.ID); err != nil {
			t.Fatal(err)
		}
		bob.kill()
		bob.start()
		ann.reaches(10*time.Second, sent, chat.StateRead)
	})
}

// covers reports whether a record is a receipt that says that a sequence was delivered, or read.
func covers(r *event.Record, read bool, sequence uint64) bool {
	receipt, err := event.ParseReceipt(r.Value)
	if r.Kind != event.KindReceipt || err != nil {
		return false
	}
	list := receipt.Delivered
	if read {
		list = receipt.Read
	}
	return slices.ContainsFunc(list, func(s event.LogSegment) bool { return s.First <= sequence && sequence <= s.Last })
}

// acknowledged is holds for who has the lock.
func (m *mallory) acknowledged(sequence uint64) bool {
	for i := range m.seen.frames {
		if h := m.seen.frames[i].Have; h != nil {
			for _, l := range h.Logs {
				if l.Instance == m.instance && l.Segments.Covers(sequence) {
					return true
				}
			}
		}
	}
	return false
}

// await returns as soon as a frame has come for which ok holds, with no time in between.
func (m *mallory) await(ok func(*wire.Frame) bool) {
	m.w.t.Helper()
	timeout := time.After(20 * time.Second)
	for next := 0; ; {
		m.seen.mu.Lock()
		changed := m.seen.changed
		for ; next < len(m.seen.frames); next++ {
			if ok(&m.seen.frames[next]) {
				m.seen.mu.Unlock()
				return
			}
		}
		m.seen.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			m.w.t.Fatal("it does not come")
		}
	}
}
