package sync

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// control is what a session knows of a group's control set. Which events the peer lacks only
// the shell can say; the session keeps by which of them that can be found out.
type control struct {
	locator []crypto.Hash // as the shell said last
	known   []crypto.Hash // some that the peer has, the latest first

	changed bool         // here or known, since the last LoadControl
	loading bool         // LoadControl is under way, or waits for room
	asked   bool         // it is under way
	gated   []*log       // wait for it, out of ready
	epochs  []wire.Epoch // wait for it, or for the peer's offer
	welcome expectancy   // while the peer has not offered the group
}

// expectancy is how a peer that doesn't know of a group comes to know.
type expectancy struct {
	soon     bool      // as soon as it has offered anything else
	at       time.Time // in any case; zero when it is under way or over
	underWay bool
}

// expect waits for the peer's offer of a group. Where it does not come, this node welcomes
// the peer, later than others that might, so that not everybody does.
func (s *Session) expect(c *conversation, soon bool) {
	at := s.now.Add(openingPause)
	if !soon {
		at = at.Add(2 * s.spread)
	}
	c.control.welcome = expectancy{soon: soon, at: at}
	s.expecting = append(s.expecting, c)
}

// welcomeDue welcomes those whose offer did not come.
func (s *Session) welcomeDue() {
	s.expecting = slices.DeleteFunc(s.expecting, func(c *conversation) bool {
		w := &c.control.welcome
		switch {
		case w.at.IsZero() || c.open || c.left || c.quiet:
			return true
		case !s.due(w.at) && (!w.soon || s.peerStore == nil):
			return false
		}
		*w = expectancy{underWay: true}
		s.loadControl(c)
		return true
	})
}

// heldControl takes what is here of a control set, and tries again what waited for it.
func (s *Session) heldControl(in HeldControl) {
	s.controls++
	if c := s.byID[in.Conversation]; c != nil {
		s.controlHere(c, in.Locator)
	}
	for _, p := range s.taking.pending {
		if p.waits == forControl && p.id == in.Conversation {
			s.again(p)
		}
	}
}

// controlHere goes on at once to who wants everything, and from there to all. Who does not
// gets it from others, or before what is written under it.
func (s *Session) controlHere(c *conversation, locator []crypto.Hash) {
	if c.group && !slices.Equal(c.control.locator, locator) {
		c.control.locator, c.control.changed = locator, true
		if c.want == wire.WantAll || c.quiet {
			s.pushControl(c)
		}
	}
}

// seeControl takes what an offer says of the peer's control set.
func (s *Session) seeControl(c *conversation, locator []crypto.Hash) {
	if c.group {
		c.control.known = locator // what was sent before and is not in it, the peer could not take
		c.control.changed = !slices.Equal(locator, c.control.locator)
		s.pushControl(c)
	}
}

// pushControl looks for control events that the peer lacks.
func (s *Session) pushControl(c *conversation) {
	if c.open && !c.left && c.control.changed && !c.control.loading {
		s.loadControl(c)
	}
}

func (s *Session) loadControl(c *conversation) {
	c.control.changed, c.control.loading = false, true
	s.toLoad = append(s.toLoad, c)
	s.loadControls()
}

// loadControls asks for control events of one group after the other, while there is room.
func (s *Session) loadControls() {
	if s.pace.room() && !s.loadingControl && len(s.toLoad) > 0 {
		c := s.toLoad[0]
		s.toLoad = s.toLoad[1:]
		s.loadingControl, c.control.asked = true, true
		s.emit(LoadControl{c.id, c.control.known, wire.MaxControl, controlBytes})
	}
}

// goOnLoading asks for more of a group before it turns to others: the peer puts together what welcomes it.
func (s *Session) goOnLoading(c *conversation) {
	c.control.changed, c.control.loading = false, true
	s.toLoad = slices.Insert(s.toLoad, 0, c)
	s.loadControls()
}

// loadedControl sends control events, and then what has waited for them.
func (s *Session) loadedControl(in LoadedControl) {
	c := s.byID[in.Conversation]
	if c == nil || !c.control.asked {
		return
	}
	k := &c.control
	k.asked, k.loading = false, false
	s.loadingControl = false
	welcome := k.welcome.underWay && !c.open && !c.left && !c.quiet
	if !c.left && (c.open || welcome) && len(in.Events) > 0 {
		k.learn(frontier(in.Events))
		weight := weighEvents(in.Events) + eventWeight*len(in.Events)
		if welcome {
			s.pace.say(wire.Frame{Welcome: &wire.Control{Events: in.Events}}, weight)
		} else {
			s.pace.say(wire.Frame{Control: &wire.Control{Tag: c.ourTag, Events: in.Events}}, weight)
		}
		if k.welcome.underWay = welcome && in.More; in.More {
			s.goOnLoading(c)
			return
		}
	}
	k.welcome.underWay = false
	s.pushControl(c)
	if !k.loading {
		s.ready = append(s.ready, k.gated...)
		k.gated = nil
		s.passEpochs(c)
		s.settle(c)
	}
}

// learn adds to what the peer has.
func (k *control) learn(ids []crypto.Hash) {
	if !slices.ContainsFunc(ids, func(id crypto.Hash) bool { return !slices.Contains(k.known, id) }) {
		return
	}
	known := slices.Clone(ids)
	for _, id := range k.known {
		if !slices.Contains(ids, id) {
			known = append(known, id)
		}
	}
	k.known = known[:min(len(known), maxKnown)]
}

// frontier returns the latest of control events: who has them and what came before has all.
func frontier(events []event.Event) []crypto.Hash {
	parents := map[crypto.Hash]bool{}
	for i := range events {
		for _, p := range events[i].Header.Control {
			parents[p] = true
		}
	}
	var ids []crypto.Hash
	for i := len(events) - 1; i >= 0 && len(ids) < maxKnown; i-- {
		if !parents[events[i].ID] {
			ids = append(ids, events[i].ID)
		}
	}
	return ids
}

// takeControl hands control events to the shell.
func (s *Session) takeControl(f *wire.Control) {
	c := s.at(f.Tag)
	switch {
	case c == nil || c.left:
	case !c.group || f.Group() != c.id:
		s.close(broken("control events of another conversation"))
	default:
		c.control.learn(frontier(f.Events))
		s.ingest(&pending{id: c.id, conv: c, control: f.Events, weight: weighEvents(f.Events)})
	}
}

// takeWelcome does the same where the group need not be known here.
func (s *Session) takeWelcome(f *wire.Control) {
	if s.phase != joined || s.blocked {
		return
	}
	if s.taking.welcomes++; s.taking.welcomes > maxWelcomes {
		s.close(broken("too many welcomes"))
		return
	}
	c := s.byID[f.Group()]
	if c != nil && c.group {
		c.control.learn(frontier(f.Events))
	}
	s.ingest(&pending{id: f.Group(), conv: c, control: f.Events, weight: weighEvents(f.Events)})
}

// shareEpoch passes a key on when the peer is ready for it.
func (s *Session) shareEpoch(in ShareEpoch) {
	if c := s.byID[in.Conversation]; c != nil && c.group && !c.quiet && !c.left {
		in.Epoch.Tag = c.ourTag
		s.pushControl(c)
		c.control.epochs = append(c.control.epochs, in.Epoch)
		c.control.epochs = c.control.epochs[max(0, len(c.control.epochs)-maxEpochs):]
		s.passEpochs(c)
	}
}

func (s *Session) passEpochs(c *conversation) {
	if !c.live() || c.want == wire.WantNothing || c.control.loading {
		return
	}
	for i := range c.control.epochs {
		s.send(wire.Frame{Epoch: &c.control.epochs[i]})
	}
	c.control.epochs = nil
}

func (s *Session) takeEpoch(f *wire.Epoch) {
	if c := s.at(f.Tag); c != nil && c.group && c.live() {
		s.emit(EpochShared{c.id, *f})
	}
}
