package sync

import (
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// answer answers a run with what is held of its log now, or with why it was not taken. The log is
// nil if it has no pictures.
func (t *take) answer(p *pending, l *log, in Stored) {
	var here []*log
	if l != nil && len(l.tells()) > 0 {
		here = []*log{l}
	}
	switch live := p.conv.live(); {
	case in.Refused != 0:
		if live && len(in.Segments) > 0 && len(here) > 0 {
			t.send(t.tell.have(p.conv, here, 0))
		}
		if in.Once {
			t.refuseOnce(p.conv, p.run, in.Refused)
		} else {
			t.refuse(p.conv, p.run.Log(), in.Refused)
		}
	case live && (len(here) > 0 || p.run.Number != 0):
		t.send(t.tell.have(p.conv, here, p.run.Number))
	case !live:
		t.refuse(p.conv, p.run.Log(), wire.NotPermitted) // it was left or became quiet meanwhile
	}
}

// refuse says that no more of a log is taken.
func (t *take) refuse(c *conversation, name event.Log, why wire.Reason) {
	c.refused = true
	if l := c.logs[name]; l != nil {
		l.refused = true
		t.tell.mention(l) // what is here came another way
	}
	t.send(wire.Frame{Refused: &wire.Refused{Tag: c.ourTag, Device: name.Device, Instance: name.Instance, Reason: why}})
}

// refuseOnce says that a run is not taken, if the peer waits for an answer.
func (t *take) refuseOnce(c *conversation, run *event.Run, why wire.Reason) {
	if name := run.Log(); run.Number != 0 {
		t.send(wire.Frame{Refused: &wire.Refused{
			Tag: c.ourTag, Device: name.Device, Instance: name.Instance, Reason: why, Run: run.Number,
		}})
	}
}

// refuses reports whether no more is taken of a log.
func (t *take) refuses(l *log) bool { return l.refused }

// takeAgain takes all logs of a conversation again, which is being offered anew.
func (t *take) takeAgain(c *conversation) {
	c.refused = false
	for _, l := range c.order {
		l.refused = false
	}
}
