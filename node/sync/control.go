package sync

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// control gives the peer the control events of groups that it lacks, and then what had to wait for
// them: logs, and keys. Only the shell can find out which events the peer lacks. For that, control
// remembers some events that the peer has. Events are loaded for one group after the other, while
// there is room.
type control struct {
	*turn
	*pair
	pace    *pace
	queue   []*conversation // whose control events are to be loaded
	loading bool            // LoadControl is not answered

	remembered int // events in controlSet.known, of all groups
}

// controlSet is what control keeps of a group.
type controlSet struct {
	locator []crypto.Hash // as the shell said last
	known   []crypto.Hash // some events that the peer has, the latest first

	changed bool         // locator or known, since the last LoadControl
	wanted  bool         // the group is in control.queue, or its LoadControl is not answered
	asked   bool         // its LoadControl is not answered
	waiting []*log       // logs to be pushed after the control events
	epochs  []wire.Epoch // keys to be sent after them, and after the peer's offer
}

// hold takes what is here of a control set. A peer that wants everything gets what is new at once,
// and passes it on. Any other peer gets it from such a peer, or from here before something that is
// written under it.
func (k *control) hold(c *conversation, locator []crypto.Hash) {
	if c.group && !slices.Equal(c.control.locator, locator) {
		c.control.locator, c.control.changed = locator, true
		if c.join == (crypto.Hash{}) && (c.want == wire.WantAll || c.quiet) {
			k.push(c)
		}
	}
}

// locator returns what an offer says of the control set that is here.
func (k *control) locator(c *conversation) []crypto.Hash { return c.control.locator }

// see takes what an offer says of the peer's control set. If events that were sent before are not
// in it, the peer could not take them: they are sent again. While the group is arriving here, nothing is
// here that the peer may lack but the join, and whoever knows that wants something or says that it
// doesn't count.
func (k *control) see(c *conversation, o *wire.Offer) {
	if !c.group {
		return
	}
	k.remember(c, o.Locator)
	c.control.changed = !slices.Equal(o.Locator, c.control.locator)
	if c.join != (crypto.Hash{}) {
		c.control.changed = o.Want == wire.WantNothing && !slices.Contains(o.Void, c.join)
	}
	k.push(c)
	if len(o.Void) > 0 {
		k.emit(Void{c.id, o.Void})
	}
}

// learn adds events to those that the peer is known to have.
func (k *control) learn(c *conversation, ids []crypto.Hash) {
	set := &c.control
	if !slices.ContainsFunc(ids, func(id crypto.Hash) bool { return !slices.Contains(set.known, id) }) {
		return
	}
	known := slices.Clone(ids)
	for _, id := range set.known {
		if !slices.Contains(ids, id) {
			known = append(known, id)
		}
	}
	k.remember(c, known[:min(len(known), maxKnown)])
}

// remember replaces the events that the peer is known to have.
func (k *control) remember(c *conversation, known []crypto.Hash) {
	k.remembered += len(known) - len(c.control.known)
	c.control.known = known
}

// push looks for control events that the peer lacks.
func (k *control) push(c *conversation) {
	if c.open && !c.left && c.control.changed && !c.control.wanted {
		c.control.want()
		k.queue = append(k.queue, c)
		k.goOn()
	}
}

// goOn asks for the control events of one group, if there is room.
func (k *control) goOn() {
	if k.pace.room() && !k.loading && len(k.queue) > 0 {
		c := k.queue[0]
		k.queue = k.queue[1:]
		k.loading, c.control.asked = true, true
		k.emit(LoadControl{c.id, c.control.known, wire.MaxControl, controlBytes})
	}
}

// gate reports whether the peer must get control events before runs of the log. If so, it keeps the
// log until they are sent.
func (k *control) gate(l *log) bool {
	k.push(l.conv)
	if !l.conv.control.wanted {
		return false
	}
	l.conv.control.waiting = append(l.conv.control.waiting, l)
	return true
}

// loaded sends the control events that were asked for. When the peer has all it lacked, loaded
// returns true with the logs that have waited.
func (k *control) loaded(c *conversation, in LoadedControl) (ready []*log, all bool) {
	if c == nil || !c.control.asked {
		return nil, false
	}
	set := &c.control
	set.asked, set.wanted = false, false
	k.loading = false
	if !c.left && c.open && len(in.Events) > 0 {
		k.learn(c, frontier(in.Events))
		weight := weighEvents(in.Events) + event.Around*len(in.Events)
		k.pace.say(wire.Frame{Control: &wire.Control{Tag: c.ourTag, Events: in.Events}}, weight)
		if in.More {
			set.want()
			k.queue = append(k.queue, c)
			k.goOn()
			return nil, false
		}
	}
	k.push(c)
	if set.wanted {
		return nil, false
	}
	ready = set.waiting
	set.waiting = nil
	return ready, true
}

// want notes that the group is about to be queued.
func (s *controlSet) want() { s.changed, s.wanted = false, true }

// pending reports whether the peer is still to get control events of a group.
func (k *control) pending(c *conversation) bool { return c.control.wanted }

// share keeps a key of a group until the peer can take it.
func (k *control) share(c *conversation, epoch wire.Epoch) {
	epoch.Tag = c.ourTag
	k.push(c)
	epochs := append(c.control.epochs, epoch)
	c.control.epochs = epochs[max(0, len(epochs)-wire.MaxEpochs):]
	k.passEpochs(c)
}

// passEpochs sends the keys of a group, if the peer wants something and has the control events.
func (k *control) passEpochs(c *conversation) {
	if !c.live() || c.want == wire.WantNothing || c.control.wanted {
		return
	}
	for i := range c.control.epochs {
		k.send(wire.Frame{Epoch: &c.control.epochs[i]})
	}
	c.control.epochs = nil
}

// forgetEpochs forgets the keys of a group in which messages don't move any more.
func (k *control) forgetEpochs(c *conversation) { c.control.epochs = nil }

// frontier returns those of some control events that no other of them names. Whoever has these has
// the others as well.
func frontier(events []event.Event) []crypto.Hash {
	named := map[crypto.Hash]bool{}
	for i := range events {
		for _, p := range events[i].Header.Control {
			named[p] = true
		}
	}
	var ids []crypto.Hash
	for i := len(events) - 1; i >= 0 && len(ids) < maxKnown; i-- {
		if !named[events[i].ID] {
			ids = append(ids, events[i].ID)
		}
	}
	return ids
}
