package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/doctor"
)

// friends adds machines whose owners are contacts of each other, and that are connected.
func (w *world) friends(names ...string) []*machine {
	w.t.Helper()
	all := w.people(names...)
	for _, m := range all {
		for _, o := range all {
			if m == o {
				continue
			}
			m.meets(soon, o)
			if _, err := m.Contacts().NameContact(w.t.Context(), o.who.person.String(), o.name, false); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return all
}

// examine makes all checks.
func (m *machine) examine(q doctor.Question) (out []checks.Check) {
	m.w.t.Helper()
	began := time.Now()
	if err := m.Doctor().Examine(m.w.t.Context(), q, func(c checks.Check) error { out = append(out, c); return nil }); err != nil {
		m.w.t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		m.w.t.Errorf("took %s", took)
	}
	return out
}

// wrong is what an examination finds: name and code, and the first of the machines that it is about.
func wrong(found []checks.Check, of ...*machine) (out []string) {
	for _, c := range found {
		if c.OK && c.Code == "" {
			continue
		}
		text := c.Check + " " + c.Code
		for _, m := range of {
			if m.who.person == c.Person {
				text += " " + m.name
			}
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// the returns the only check of a name.
func the(t *testing.T, found []checks.Check, name string) checks.Check {
	t.Helper()
	found = slices.DeleteFunc(slices.Clone(found), func(c checks.Check) bool { return c.Check != name })
	if len(found) != 1 {
		t.Fatalf("%d checks of %s: %+v", len(found), name, found)
	}
	return found[0]
}

func sameWords(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDoctorFindsNothing: where nothing is wrong, nothing wrong is said.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, 301, func(t *testing.T, w *world) {
		all := w.friends("Ann", "Bob", "Cleo")
		found := all[0].examine(doctor.Question{})
		sameWords(t, wrong(found), "multicast nobody") // in this network nobody announces anything
		if v := the(t, found, checks.Reachable).Values; v.Asked != 2 || v.Answered != 2 || v.Port != worldPort {
			t.Errorf("reachable: %+v", v)
		}
		if v := the(t, found, checks.Clock).Values; v.Asked != 2 || v.Offset.Abs() > time.Second {
			t.Errorf("clock: %+v", v)
		}
	})
}

// TestDoctorAlone: nobody is there to ask.
func TestDoctorAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, 302, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		sameWords(t, wrong(ann.examine(doctor.Question{})), "clock nobody", "multicast nobody", "reachable nobody")
	})
}

// TestDoctorNamesAFirewall: a connected contact dials back and gets no answer.
func TestDoctorNamesAFirewall(t *testing.T) {
	t.Parallel()
	inWorld(t, 303, func(t *testing.T, w *world) {
		all := w.friends("Ann", "Bob")
		ann, bob := all[0], all[1]
		w.net.Shut(ann.addr(), true)
		found := ann.examine(doctor.Question{})
		sameWords(t, wrong(found, bob), "multicast nobody", "reachable closed Bob")
		if v := the(t, found, checks.Reachable).Values; v.Outcome != checks.TimedOut || v.Port != worldPort || !strings.HasPrefix(v.Address, bob.addr().String()+":") {
			t.Errorf("got %+v", v)
		}
		sameWords(t, wrong(bob.examine(doctor.Question{}), ann), "multicast nobody") // he is reachable
		w.net.Shut(ann.addr(), false)
		sameWords(t, wrong(ann.examine(doctor.Question{})), "multicast nobody")
	})
}

// TestDoctorNamesAWrongClock: by the clocks of contacts, and whose is wrong by the majority.
func TestDoctorNamesAWrongClock(t *testing.T) {
	t.Parallel()
	inWorld(t, 304, func(t *testing.T, w *world) {
		all := w.friends("Ann", "Bob", "Cleo")
		ann := all[0]
		ann.skew.Store(int64(time.Hour))
		found := ann.examine(doctor.Question{})
		sameWords(t, wrong(found), "clock off", "multicast nobody")
		if v := the(t, found, checks.Clock).Values; v.Whose != checks.Ours || (v.Offset-time.Hour).Abs() > time.Second {
			t.Errorf("got %+v", v)
		}
		found = all[1].examine(doctor.Question{})
		sameWords(t, wrong(found, ann), "clock off Ann", "multicast nobody")
		for _, c := range found {
			if !c.OK {
				t.Errorf("what is wrong elsewhere is a fault here: %+v", c)
			}
		}
	})
}

// TestDoctorTellsAllAboutAPerson: with WHO.
func TestDoctorTellsAllAboutAPerson(t *testing.T) {
	t.Parallel()
	inWorld(t, 305, func(t *testing.T, w *world) {
		all := w.friends("Ann", "Bob")
		ann, bob := all[0], all[1]
		who := doctor.Question{Who: "Bob"}
		found := ann.examine(who)
		if c := the(t, found, checks.Person); !c.OK || !c.Values.Here || c.Person != bob.who.person || len(c.Values.Addresses) == 0 {
			t.Errorf("here: %+v", c)
		}
		bob.stop()
		time.Sleep(5 * time.Minute)
		ann.say(bob, "are you there?")
		ann.say(bob, "hello?")
		found = ann.examine(who)
		sameWords(t, wrong(found, bob), "clock nobody", "multicast nobody", "peers offline Bob", "person not_seen Bob", "reachable nobody")
		if v := the(t, found, checks.Person).Values; v.Here || v.Waiting != 2 || v.WaitingFor != "offline" || v.LastSeen.IsZero() {
			t.Errorf("away: %+v", v)
		}
		if _, err := ann.Contacts().Block(t.Context(), "Bob"); err != nil {
			t.Fatal(err)
		}
		if c := the(t, ann.examine(who), checks.Person); c.Code != checks.Blocked || c.OK {
			t.Errorf("blocked: %+v", c)
		}
		if err := ann.Doctor().Examine(t.Context(), doctor.Question{Who: "Zoe"}, nil); err == nil {
			t.Error("nobody is called Zoe")
		}
	})
}

// TestDoctorNamesWhoAnswersInstead: another device is at the address of a contact.
func TestDoctorNamesWhoAnswersInstead(t *testing.T) {
	t.Parallel()
	inWorld(t, 306, func(t *testing.T, w *world) {
		all := w.friends("Ann", "Bob")
		ann, bob := all[0], all[1]
		bob.stop()
		eve := w.machine("Eve")
		bobs := bob.host.Addrs()
		bob.host.Move()
		eve.host.Move(bobs...)
		eve.start()
		time.Sleep(time.Minute)
		found := ann.examine(doctor.Question{Who: "Bob"})
		c := the(t, found, checks.Peers)
		if c.Code != checks.WrongIdentity || c.OK || c.Values.Device != eve.who.device.String() || c.Person != bob.who.person {
			t.Errorf("got %+v", c)
		}
	})
}

// TestDoctorProbes: a node that nobody has announced is found at an address of the own network, and
// only when the owner asks for it.
func TestDoctorProbes(t *testing.T) {
	t.Parallel()
	inWorld(t, 307, func(t *testing.T, w *world) {
		ann, bob := w.people("Ann")[0], w.machine("Bob")
		n, err := Open(Config{Dir: bob.dir, Name: "Bob", NoMDNS: true, Listen: []string{"27831"}, Transport: bob.host.Transport, Networks: ann.cfg.Networks,
			Log: w.log, Identify: ann.cfg.Identify, Space: ann.cfg.Space})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		<-n.Ready()
		time.Sleep(time.Minute)
		ann.examine(doctor.Question{})
		time.Sleep(time.Minute)
		if ann.mesh.Here(n.me.person) {
			t.Fatal("found without a probe")
		}
		c := the(t, ann.examine(doctor.Question{Probe: true}), checks.Probe)
		want := fmt.Sprintf("%s:27831", bob.addr())
		if c.Code != checks.Found || !c.OK || c.Values.Asked != 1024 || c.Values.Answered != 1 || !slices.Equal(c.Values.Addresses, []string{want}) {
			t.Errorf("got %+v, want %s", c, want)
		}
		w.within(soon, "Ann meets Bob", func() bool { return ann.mesh.Here(n.me.person) })
		if by := ann.mesh.States()[n.me.device].FoundBy; !slices.Contains(by, "probe") {
			t.Errorf("found by %v", by)
		}
	})
}

// answersTo opens a stream to a node, asks for a protocol and says something, and returns how that
// is answered.
func (m *mallory) answersTo(victim *machine, proto protocol.ID) string {
	m.w.t.Helper()
	s, err := m.link.Libp2p().Network().NewStream(m.w.t.Context(), peerID(victim.who.device))
	if err != nil {
		m.w.t.Fatal(err)
	}
	defer s.Reset()
	for _, line := range []string{"/multistream/1.0.0", string(proto)} {
		if _, err := s.Write(append([]byte{byte(len(line) + 1)}, line+"\n"...)); err != nil {
			m.w.t.Fatal(err)
		}
	}
	began := time.Now()
	_ = s.SetReadDeadline(time.Now().Add(time.Minute))
	b, err := io.ReadAll(s)
	return fmt.Sprintf("%q %v after %s", b, err, time.Since(began).Round(time.Second))
}

// TestOthersDontLearnOfTheDoctor: to whoever is no contact of the owner's, the protocol does not
// exist: to a stranger, a fellow member of a group, somebody who is blocked.
func TestOthersDontLearnOfTheDoctor(t *testing.T) {
	t.Parallel()
	inWorld(t, 308, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		const none = "/earshot/doctor/9"
		unknown := func(as string) {
			t.Helper()
			got, want := m.answersTo(ann, doctor.Protocol), m.answersTo(ann, none)
			if got != want || !strings.Contains(got, `na\n`) {
				t.Errorf("%s: answered %s; of a protocol that does not exist: %s", as, got, want)
			}
		}
		unknown("a stranger")
		group, err := ann.Groups().CreateGroup(t.Context(), "team", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Groups().Invite(t.Context(), group.ID.String(), []string{m.person.String()}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if p, _ := ann.people.Get(m.person); p.Contact || !ann.groups.Fellow(m.person) {
			t.Fatalf("contact %v, fellow %v", p.Contact, ann.groups.Fellow(m.person))
		}
		unknown("a fellow member")
		if _, err := ann.Contacts().NameContact(t.Context(), m.person.String(), "Mallory", false); err != nil {
			t.Fatal(err)
		}
		if got := m.answersTo(ann, doctor.Protocol); !strings.Contains(got, doctor.Protocol) {
			t.Errorf("a contact: answered %s", got)
		}
		if _, err := ann.Contacts().Block(t.Context(), "Mallory"); err != nil {
			t.Fatal(err)
		}
		unknown("somebody who is blocked")
	})
}
