package mesh

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/store/event"
)

// model is a register as one would write it who has time: every question looks at every session.
type model struct {
	stopped  bool
	brought  map[event.Conversation]bool      // more than one may be followed
	taken    map[event.Conversation]time.Time // when somebody took the place of who was followed last
	sessions []*modelled
	direct   map[event.Log]*modelled // by whose session logs come
}

type modelled struct {
	*session.Session
	device   int
	person   int // 0: not known
	hears    map[event.Conversation]bool
	followed map[event.Conversation]bool
}

func (m *model) with(device int) *modelled {
	i := slices.IndexFunc(m.sessions, func(s *modelled) bool { return s.device == device })
	if i < 0 {
		return nil
	}
	return m.sessions[i]
}

// which returns the sessions for which something is so.
func (m *model) which(is func(*modelled) bool) map[*session.Session]bool {
	out := make(map[*session.Session]bool)
	for _, s := range m.sessions {
		if is(s) {
			out[s.Session] = true
		}
	}
	return out
}

// most is how many may be followed. When nobody is, it begins anew with one.
func (m *model) most(c event.Conversation) int {
	if len(m.which(func(s *modelled) bool { return s.followed[c] })) == 0 {
		delete(m.brought, c)
	}
	if m.brought[c] {
		return maxFollowed
	}
	return 1
}

// chosen has those followed whom the register chose, if it may choose them and as many as it may.
func (m *model) chosen(t *testing.T, c event.Conversation, but *modelled, chosen []choice) (others []choice) {
	t.Helper()
	most := 1
	if m.brought[c] {
		most = maxFollowed
	}
	could := m.which(func(s *modelled) bool { return s != but && s.hears[c] && !s.followed[c] })
	want := min(most-len(m.which(func(s *modelled) bool { return s.followed[c] })), len(could))
	others = slices.DeleteFunc(chosen, func(f choice) bool {
		if f.conversation != c || !could[f.session] {
			return false
		}
		for _, s := range m.sessions {
			if s.Session == f.session {
				s.followed[c] = true
				m.taken[c] = time.Now()
			}
		}
		delete(could, f.session)
		want--
		return true
	})
	if want != 0 {
		t.Errorf("%d too few are followed", want)
	}
	return others
}

// impatient has others followed where the first was silent for too long, and finds that the register does so too.
func (m *model) impatient(t *testing.T, r *Register) {
	t.Helper()
	for i := range modelConversations {
		c := conversation(i)
		var brought bool
		var since time.Time
		r.mu.Lock()
		if f := r.followed[c]; f != nil {
			brought, since = f.brought, f.since
		}
		r.mu.Unlock()
		if since.IsZero() || m.brought[c] {
			continue
		}
		for s := range m.which(func(s *modelled) bool { return s.followed[c] }) {
			due := time.Since(since) >= firstSilence && s.Silence() >= firstSilence
			late := time.Since(m.taken[c]) < firstSilence // it looks when it would have looked at whose place was taken
			if due != brought && (brought || !late) {
				t.Errorf("others are followed: %t", brought)
			}
		}
		if m.brought[c] = brought; !brought {
			continue
		}
		var chosen []choice
		for _, s := range followed(r, c) {
			chosen = append(chosen, choice{c, s})
		}
		m.chosen(t, c, nil, chosen)
	}
}

// followed returns whose peers are followed in a conversation.
func followed(r *Register, c event.Conversation) []*session.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.followed[c]; f != nil {
		return slices.Collect(maps.Keys(f.peers))
	}
	return nil
}

// givesUp takes a session's places away. It gives them to those whom the register chose, if these
// are ones that it may choose.
func (m *model) givesUp(t *testing.T, from *modelled, of []event.Conversation, chosen []choice) {
	t.Helper()
	for _, c := range of {
		if !from.followed[c] {
			continue
		}
		delete(from.followed, c)
		chosen = m.chosen(t, c, from, chosen)
		m.most(c)
	}
	if len(chosen) > 0 {
		t.Errorf("%d were chosen who have no place", len(chosen))
	}
}

func (m *model) remove(s *modelled) {
	m.sessions = slices.DeleteFunc(m.sessions, func(o *modelled) bool { return o == s })
	maps.DeleteFunc(m.direct, func(_ event.Log, by *modelled) bool { return by == s })
}

// logOf is the log of a device in a conversation.
func (s *modelled) logOf(c event.Conversation) event.Log {
	return event.Log{Conversation: c, Device: deviceNumber(s.device)}
}

// heard finds that what changed of a log was said to those who are followed, but not to its own device.
func (m *model) heard(t *testing.T, log event.Log, changed bool, words []word) {
	t.Helper()
	want := m.which(func(s *modelled) bool {
		return changed && s.followed[log.Conversation] && s.logOf(log.Conversation) != log
	})
	for _, w := range words {
		if !want[w.session] || w.log != log || w.on != (m.direct[log] != nil) {
			t.Errorf("%+v is said", w)
		}
		delete(want, w.session)
	}
	if len(want) > 0 {
		t.Errorf("%d don't hear of it", len(want))
	}
}

// parted finds that it is said of whatever came by a session that it does so no more.
func (m *model) parted(t *testing.T, s *modelled, was map[event.Log]*modelled, words []word) {
	t.Helper()
	for log, by := range was {
		m.heard(t, log, by == s, slices.DeleteFunc(slices.Clone(words), func(w word) bool { return w.log != log }))
	}
}

// modelDevice is the number of one of the devices of the model. Half of them have lower peer IDs
// than the register's own.
func modelDevice(n int) int { return self - modelDevices + 1 + 2*n }

const (
	modelDevices       = 24
	modelPersons       = 8
	modelConversations = 3
)

// same finds that the register answers as the model does.
func (m *model) same(t *testing.T, r *Register) {
	t.Helper()
	set := func(what string, got []*session.Session, want map[*session.Session]bool) {
		t.Helper()
		have := make(map[*session.Session]bool)
		for _, s := range got {
			have[s] = true
		}
		if len(have) != len(got) || !maps.Equal(have, want) {
			t.Errorf("%s: %d sessions, want %d", what, len(got), len(want))
		}
	}
	set("all", r.Sessions(), m.which(func(*modelled) bool { return true }))
	set("identified", slices.Collect(maps.Keys(r.Identified())), m.which(func(s *modelled) bool { return s.person != 0 }))
	for p := 1; p <= modelPersons; p++ {
		with := m.which(func(s *modelled) bool { return s.person == p })
		set(fmt.Sprint("with person ", p), r.With(personNumber(p)), with)
		if r.Here(personNumber(p)) != (len(with) > 0) {
			t.Errorf("person %d is here: %t", p, len(with) == 0)
		}
	}
	states := r.States()
	for n := range modelDevices {
		d := modelDevice(n)
		s := m.with(d)
		if r.Online(deviceNumber(d)) != (s != nil && s.person != 0) || states[deviceNumber(d)].Connected != (s != nil) {
			t.Errorf("device %d: online %t, connected %t", d, r.Online(deviceNumber(d)), states[deviceNumber(d)].Connected)
		}
	}
	for i := range modelConversations {
		c := conversation(i)
		set(fmt.Sprint("in ", i), r.In(c), m.which(func(s *modelled) bool { return s.hears[c] }))
		set(fmt.Sprint("hearing ", i), r.Hearing(c), m.which(func(s *modelled) bool { _, yes := s.hears[c]; return yes }))
		for _, s := range m.sessions {
			if log := s.logOf(c); r.Direct(log) != (m.direct[log] != nil) {
				t.Errorf("direct: %t", r.Direct(log))
			}
		}
		if n := len(r.comesTo(c)); n != len(slices.DeleteFunc(slices.Collect(maps.Keys(m.direct)), func(l event.Log) bool { return l.Conversation != c })) {
			t.Errorf("%d logs come directly", n)
		}
		set(fmt.Sprint("followed in ", i), followed(r, c), m.which(func(s *modelled) bool { return s.followed[c] }))
	}
}

// Whatever happens in whatever order, the register says what the model does, and remembers nothing
// of those who have gone.
func TestRegisterIsAsTheModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func runModel(t *testing.T, random *rand.Rand) {
	r, m := newTestRegister(), &model{brought: make(map[event.Conversation]bool), taken: make(map[event.Conversation]time.Time), direct: make(map[event.Log]*modelled)}
	var gone []*modelled
	for step := 0; step < 3000 && !t.Failed(); step++ {
		if step == 2800 {
			r.stop()
			m.stopped = true
		}
		c := conversation(random.IntN(modelConversations))
		var s *modelled // one that is there, or sometimes one that has left or was replaced
		switch {
		case len(gone) > 0 && random.IntN(10) == 0:
			s = gone[random.IntN(len(gone))]
		case len(m.sessions) > 0:
			s = m.sessions[random.IntN(len(m.sessions))]
		}
		here := s != nil && slices.Contains(m.sessions, s)
		switch op := random.IntN(15); {
		case op < 3 || s == nil:
			n := modelDevice(random.IntN(modelDevices))
			late := &modelled{device: n, hears: map[event.Conversation]bool{}, followed: map[event.Conversation]bool{}}
			late.Session = newSession(n, random.IntN(2) == 0)
			old := m.with(n)
			replaced, _, err := r.admit(late.Session)
			noted(r, replaced)
			switch {
			case m.stopped:
				if err != errGone {
					t.Errorf("stopped: %v", err)
				}
				continue
			case old != nil && old.Opened() != late.Opened() && time.Since(old.Since()) < youngSession && old.Opened() == (self < n):
				if err != errReplaced {
					t.Errorf("the other one was there: %v", err)
				}
				continue
			case err != nil:
				t.Errorf("not admitted: %v", err)
				continue
			}
			if old == nil != (replaced == nil) || old != nil && (replaced.session != old.Session || replaced.known != (old.person != 0)) {
				t.Error("the wrong one is replaced")
			}
			if old != nil {
				was := maps.Clone(m.direct)
				m.remove(old)
				gone = append(gone, old)
				m.givesUp(t, old, slices.Collect(maps.Keys(old.hears)), replaced.follow)
				m.parted(t, old, was, replaced.direct)
			}
			m.sessions = append(m.sessions, late)
		case op < 5:
			p := 1 + random.IntN(modelPersons)
			if err := r.Identify(s.Session, personNumber(p)); (err == nil) != here {
				t.Errorf("identify: %v", err)
			}
			if here && s.person == 0 {
				s.person = p
			}
		case op < 7:
			all := random.IntN(4) > 0
			r.Join(s.Session, c, all)
			if here {
				s.hears[c] = all
			}
		case op < 9:
			if _, in := s.hears[c]; !in && here {
				continue // whoever follows has joined
			}
			got := r.Follow(s.Session, c)
			if most := m.most(c); here && len(m.which(func(s *modelled) bool { return s.followed[c] })) < most {
				s.followed[c] = true
			}
			if got != (here && s.followed[c]) {
				t.Errorf("follow: %t", got)
			}
		case op < 10:
			r.mu.Lock()
			instead := r.unfollow(c, s.Session)
			r.mu.Unlock()
			if here {
				m.givesUp(t, s, []event.Conversation{c}, instead)
			} else if len(instead) > 0 {
				t.Error("somebody takes the place of one who has none")
			}
		case op < 11:
			out := leaves(r, s.Session, dial.Lost)
			if (out != nil) != here || here && (out.known != (s.person != 0) || out.known && out.person != personNumber(s.person)) {
				t.Errorf("leaves: %+v", out)
			}
			if here {
				was := maps.Clone(m.direct)
				m.remove(s)
				gone = append(gone, s)
				m.givesUp(t, s, slices.Collect(maps.Keys(s.hears)), out.follow)
				m.parted(t, s, was, out.direct)
			}
		case op < 12:
			chosen := r.brought(s.Session, c)
			if here && s.followed[c] && !m.brought[c] {
				m.brought[c] = true
				chosen = m.chosen(t, c, nil, chosen)
			}
			if len(chosen) > 0 {
				t.Errorf("%d were chosen who have no place", len(chosen))
			}
		case op < 14: // its peer brings its own log, or somebody's else, which is late
			log, on := s.logOf(c), random.IntN(3) > 0
			if len(m.direct) > 0 && !on {
				log = slices.SortedFunc(maps.Keys(m.direct), event.Log.Compare)[random.IntN(len(m.direct))]
			}
			words := r.brings(s.Session, log, on)
			_, in := s.hears[log.Conversation]
			was := m.direct[log] != nil
			switch {
			case !here || !in:
			case on:
				m.direct[log] = s
			default:
				delete(m.direct, log)
			}
			m.heard(t, log, was != (m.direct[log] != nil), words)
		default:
			time.Sleep(time.Duration(random.Int64N(int64(youngSession))))
			synctest.Wait()
			m.impatient(t, r)
		}
		m.same(t, r)
	}
	for _, s := range r.Sessions() {
		leaves(r, s, dial.Lost)
	}
	empty(t, r)
}
