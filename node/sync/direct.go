package sync

import "github.com/earshot-im/earshot/store/event"

// A log of a group comes to this node directly if it comes from the very device that writes it. Those whom
// this node follows are told so with what it has of the log: then they hear of that now and then instead of
// at once, and bring what is lacking later. A session learns by Direct what comes so in other sessions, and
// says by Brings what comes in its own.
//
// Nothing is believed of a device but what it does: a log comes directly from when its device has brought
// something that was not here, until it fails to.

// near takes in whether a log comes to this node directly.
func (s *Session) near(in Direct) {
	c := s.byID[in.Log.Conversation]
	switch {
	case c == nil || !c.group || in.Log.Device == s.peer || s.wrote(in.Log):
		return
	case !in.On:
		delete(c.near, in.Log)
	case c.follow:
		c.near[in.Log] = true
	}
	if l := c.logs[in.Log]; l != nil {
		s.tell.mention(l)
	}
}

// brought takes in that the peer has brought of a log what was not here.
func (s *Session) brought(c *conversation, log event.Log) {
	switch {
	case !c.group || !c.live():
	case log.Device == s.peer:
		if c.brings != log {
			s.bringsNoMore(c)
		}
		c.brings = log
		s.emit(Brings{log, true})
	case c.near[log]: // its device should have brought it
		delete(c.near, log)
		s.emit(Brings{log, false})
	}
}

// failed takes in that a run of a log was brought and not taken.
func (t *turn) failed(c *conversation, log event.Log) {
	if c.brings == log {
		t.bringsNoMore(c)
	}
}

// bringsNoMore takes in that the peer does not go on bringing what it writes in a conversation.
func (t *turn) bringsNoMore(c *conversation) {
	if c.brings != (event.Log{}) {
		t.emit(Brings{c.brings, false})
		c.brings = event.Log{}
	}
}
