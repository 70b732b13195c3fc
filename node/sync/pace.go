package sync

import "github.com/earshot-im/earshot/node/wire"

// pace bounds what is said of what is held here: offers, control events, records, and Have frames
// for what the peer did not bring. About limit bytes may be said; then all these wait until the
// shell says Drained. So the peer can ask for any amount, and one step gives little. Runs have the
// window instead, and what answers something that the peer has sent never waits.
type pace struct {
	*turn
	limit    int  // PaceBytes, but in tests
	said     int  // bytes since Drained, about
	draining bool // Drain is not answered
}

// room reports whether something may be said now.
func (p *pace) room() bool { return p.roomAfter(0) }

// roomAfter reports whether more may be said once so many bytes are sent that are not counted yet.
func (p *pace) roomAfter(bytes int) bool { return p.said+bytes < p.limit }

// say sends a frame of about so many bytes, for which there was room.
func (p *pace) say(f wire.Frame, bytes int) {
	p.said += bytes
	p.send(f)
}

// drain asks for Drained if there is no room left.
func (p *pace) drain() {
	if p.said >= p.limit && !p.draining {
		p.draining = true
		p.emit(Drain{})
	}
}

func (p *pace) drained() {
	if p.draining {
		p.draining, p.said = false, 0
	}
}
