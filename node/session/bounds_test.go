package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Memory is held for a frame until what it brings is on the disk, or until it is known that nothing
// has to be.
func TestBudgetIsHeldUntilTheCommit(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		commit := make(chan struct{})
		begin := make(chan struct{})
		v.house.does = func(e sync.Effect) (Task, error) {
			in, ok := e.(sync.Ingest)
			if !ok {
				return Task{}, nil
			}
			return Run(in.Run, func(context.Context) func() sync.Input {
				<-begin
				return func() sync.Input {
					<-commit
					return sync.Stored{Ticket: in.Ticket, Segments: event.Segments{in.Run.Segment()}}
				}
			}), nil
		}
		v.start(true)
		v.greets()
		v.says(v.run(largeRun), v.run(largeRun))
		held := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			if taken := v.held(); (taken >= 2*frameWeight*largeRun) != want || !want && taken != 0 {
				t.Errorf("%s, %d bytes are taken", what, taken)
			}
		}
		held("while they wait for the worker", true)
		close(begin)
		held("while they are being committed", true)
		close(commit)
		held("after the commit", false)
		done := make(chan struct{})
		v.house.does = func(sync.Effect) (Task, error) {
			return Errand(func(context.Context) sync.Input { <-done; return nil }), nil
		}
		v.says(v.run(largeRun), v.run(largeRun))
		held("while an errand is done", true)
		close(done)
		held("after the errands", false)
		v.goesOn()
	})
}

// A run of long texts was charged no more than a short message: a group of four wrote 100 MiB a second.
func TestRunIsChargedForWhatItHas(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.house.does = func(e sync.Effect) (Task, error) {
			if in, ok := e.(sync.Ingest); ok {
				return Run(in.Run, func(context.Context) func() sync.Input { return func() sync.Input { return sync.Tick{} } }), nil
			}
			return Task{}, nil
		}
		v.start(true)
		v.greets()
		used := func() (all time.Duration) {
			synctest.Wait()
			for _, u := range v.house.budgets.Used() {
				all += u.Time
			}
			return all
		}
		before := used()
		v.says(v.run(largeRun))
		least := runTime + eventTime + largeRun/2*byteTime
		if took := used() - before; took < least || took > 3*least {
			t.Errorf("%v were charged, want about %v", took, 2*least)
		}
		before = used()
		v.says(v.run(0))
		if took := used() - before; took < runTime+eventTime || took >= least {
			t.Errorf("%v were charged for a short one", took)
		}
	})
}

// Whatever state its tasks are in when a session ends, the budget is given back: it is shared with
// the sessions of others.
func TestBudgetIsGivenBackAtTheEnd(t *testing.T) {
	stucks := map[string]string{"in the worker": "worker", "in the commit": "commit"}
	for i := range 6 { // the worker may begin another before it ends, or not
		stucks[fmt.Sprint("behind an errand ", i)] = "errand"
	}
	for name, stuck := range stucks {
		t.Run(name, func(t *testing.T) {
			visited(t, func(t *testing.T, v *visit) {
				release := make(chan struct{})
				v.house.does = func(e sync.Effect) (Task, error) {
					in, ok := e.(sync.Ingest)
					if !ok {
						return Task{}, nil
					}
					if stuck == "errand" {
						return Errand(func(context.Context) sync.Input { <-release; return nil }), nil
					}
					return Run(in.Run, func(context.Context) func() sync.Input {
						if stuck == "worker" {
							<-release
						}
						return func() sync.Input { <-release; return sync.Tick{} }
					}), nil
				}
				v.start(true)
				v.greets()
				v.says(v.run(largeRun), v.run(largeRun), v.run(largeRun))
				v.raw(binary.AppendUvarint(nil, largeRun)) // and one that has only begun
				if held := v.held(); held < 4*frameWeight*largeRun {
					t.Fatal("they hold nothing")
				}
				v.End(io.ErrNoProgress)
				synctest.Wait()
				select {
				case <-v.ended:
					t.Error("it has ended before its worker and its commits")
				default:
				}
				close(release)
				v.ends(io.ErrNoProgress)
			})
		})
	}
}

// A frame for which there is no room waits, however long that takes, and its session can be ended
// meanwhile.
func TestFrameWaitsForTheBudget(t *testing.T) {
	for _, comes := range []bool{true, false} {
		visited(t, func(t *testing.T, v *visit) {
			v.start(true)
			v.greets()
			release := v.fills(0)
			frame := v.run(largeRun).Marshal()
			v.raw(binary.AppendUvarint(nil, uint64(len(frame))))
			time.Sleep(10 * frameTimeout)
			v.goesOn()
			if !comes {
				v.cancel()
				synctest.Wait()
				release()
				v.ends(context.Canceled)
				return
			}
			release()
			time.Sleep(frameTimeout / 2) // the time that the peer has begins now
			v.raw(frame)
			if i := slices.IndexFunc(v.house.effects, func(e sync.Effect) bool { _, ok := e.(sync.Ingest); return ok }); i < 0 {
				t.Error("the frame was not taken")
			}
			v.goesOn()
		})
	}
}

// A peer may be silent for as long as it likes, but not within a frame.
func TestFrameMayNotStall(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		time.Sleep(24 * time.Hour)
		if got := v.Silence(); got != 24*time.Hour {
			t.Errorf("silent for %v", got)
		}
		v.says(sighting(1))
		if got := v.Silence(); got != 0 {
			t.Errorf("silent for %v", got)
		}
		time.Sleep(24 * time.Hour)
		v.raw([]byte{100}) // the length
		for range 3 {      // each byte is in time, the frame is not
			time.Sleep(frameTimeout / 4)
			v.raw([]byte{1})
			v.goesOn()
		}
		if got := v.Silence(); got != 0 {
			t.Errorf("silent for %v", got)
		}
		time.Sleep(frameTimeout/4 - 1)
		v.goesOn()
		time.Sleep(time.Nanosecond)
		v.ends(os.ErrDeadlineExceeded)
	})
}

// Until a peer has said who it is, it may send no more than that takes.
func TestFramesAreBounded(t *testing.T) {
	length := func(n uint64) []byte { return binary.AppendUvarint(nil, n) }
	for name, c := range map[string]struct {
		greeted bool
		size    uint64
		refused bool
	}{
		"at first":                    {false, maxGreeting, false},
		"too much at first":           {false, maxGreeting + 1, true},
		"after the greeting":          {true, wire.MaxFrame, false},
		"too much after the greeting": {true, wire.MaxFrame + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			visited(t, func(t *testing.T, v *visit) {
				v.start(true)
				if c.greeted {
					v.identifies()
				}
				v.raw(length(c.size))
				if !c.refused {
					v.goesOn()
					v.cancel()
					synctest.Wait()
					return
				}
				if err := <-v.ended; !errors.Is(err, sync.ErrProtocol) {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}

// Three frames say who a peer is. The third is as bounded as the first.
func TestWholeGreetingIsBounded(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.says(wire.Frame{Hello: &wire.Hello{Version: wire.Version}}, wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}})
		v.raw(binary.AppendUvarint(nil, maxGreeting+1))
		v.ends(sync.ErrProtocol)
	})
}

func TestNonsenseEndsIt(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.raw([]byte{2, 0xff, 0xff})
		v.ends(sync.ErrProtocol)
	})
}

// Whoever connects must say who they are, also if they go on sending something.
func TestHelloTimeout(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.says(wire.Frame{Hello: &wire.Hello{Version: wire.Version}}, wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}})
		time.Sleep(helloTimeout - 1)
		v.goesOn()
		time.Sleep(time.Nanosecond)
		v.ends(sync.ErrProtocol)
	})
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		time.Sleep(2 * helloTimeout)
		v.goesOn()
	})
}

// Nobody loses the session because what they say waits for a turn here.
func TestHelloTimeoutDoesNotCountOwnWaits(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		other := v.house.budgets.Open(netip.Addr{})
		defer other.Close()
		other.Identify(crypto.PersonID{2}, budget.Contact)
		var turns []func()
		for range turnsOfTests {
			done, err := other.Turn(v.ctx)
			if err != nil {
				t.Fatal(err)
			}
			turns = append(turns, done)
		}
		v.start(true)
		v.says(wire.Frame{Hello: &wire.Hello{Version: wire.Version}})
		time.Sleep(2 * helloTimeout)
		v.goesOn()
		for _, done := range turns {
			done()
		}
		synctest.Wait()
		v.says(wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}},
			wire.Frame{Identity: &wire.Identity{Card: []byte("another card")}}, sighting(1))
		if v.goesOn(); len(v.performed()) == 0 {
			t.Error("the peer is not known when there are turns again")
		}
	})
}

// A peer that reads nothing is not read from either while much waits for it, and is cut off in the
// end.
func TestPeerThatDoesNotReadIsCutOff(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(false)
		reading := make(chan struct{})
		go func() { // the greeting is read, and no more until reading is closed
			_, _ = io.ReadFull(v.peer, make([]byte, 100))
			<-reading
			_, _ = io.Copy(io.Discard, v.peer)
		}()
		v.greets()
		shares := func() { v.Inbox.Share(make([]wire.Sighting, maxShared)...); synctest.Wait() }
		for v.Unsent() <= muchUnsent {
			shares()
		}
		v.says(sighting(1), sighting(2))
		if len(v.performed()) != 0 {
			t.Error("it is read from")
		}
		close(reading)
		synctest.Wait()
		if v.Unsent() != 0 || !slices.Equal(v.performed(), []byte{1}) {
			t.Errorf("when it reads again: %d bytes wait, performed %v", v.Unsent(), v.performed())
		}
	})
	visited(t, func(t *testing.T, v *visit) {
		v.start(false)
		go func() { _, _ = io.ReadFull(v.peer, make([]byte, 100)) }()
		v.greets()
		shares := func() { v.Inbox.Share(make([]wire.Sighting, maxShared)...); synctest.Wait() }
		for v.Unsent() <= muchUnsent {
			shares()
		}
		v.says(v.run(largeRun)) // waits, and holds some of the budget
		for range maxUnsent / 1000 {
			if len(v.ended) > 0 {
				break
			}
			shares()
		}
		v.ends(errNotReading)
	})
}

// Thousands of attachments are more work than the bytes of the messages that have them.
func TestAttachmentsCount(t *testing.T) {
	body := func(attachments int) []byte {
		words, err := event.Text{Text: "x"}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b := event.Body{Content: words}
		for range attachments {
			b.Attachments = append(b.Attachments, event.Attachment{Name: "x", Type: "text/plain", Size: 1})
		}
		e, err := event.New(event.Header{Conversation: event.Conversation{1}, Device: crypto.DeviceID{1}, Instance: event.Instance{1}, Sequence: 1, Kind: event.KindText}, b)
		if err != nil {
			t.Fatal(err)
		}
		return e.Body
	}
	none, some := body(0), body(3)
	task := Run(event.Run{Events: []event.Event{{HeaderBytes: make([]byte, 100), Body: none}, {Body: some}}}, nil)
	if want := 100 + len(none) + len(some) + 3*attachmentBytes; task.bytes != want {
		t.Errorf("%d bytes, want %d", task.bytes, want)
	}
}

// A contact who writes as much as they can is not read on until the budget takes more.
func TestContactsBulkWaits(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		begun := 0
		v.house.does = func(e sync.Effect) (Task, error) {
			if _, ok := e.(sync.Ingest); !ok {
				return Task{}, nil
			}
			long := event.Run{Events: []event.Event{{Body: make([]byte, 12<<20)}}}
			return Run(long, func(context.Context) func() sync.Input {
				begun++
				return func() sync.Input { return sync.Tick{} }
			}), nil
		}
		v.start(true)
		v.greets()
		v.is(budget.Contact)
		v.says(v.run(1), v.run(1), v.run(1))
		if begun != 1 {
			t.Errorf("%d runs were begun at once, want the burst", begun)
		}
		other := v.house.budgets.Open(netip.Addr{})
		defer other.Close()
		other.Identify(crypto.PersonID{2}, budget.Contact)
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var ends []func()
		for range turnsOfTests { // what waits holds no turn
			done, err := other.Turn(soon)
			if err != nil {
				t.Fatal("another contact gets no turn: ", err)
			}
			ends = append(ends, done)
		}
		for _, done := range ends {
			done()
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		if begun != 3 {
			t.Errorf("%d runs were begun after a second, want all", begun)
		}
	})
}
