package sync

import (
	"fmt"

	"github.com/earshot-im/earshot/node/wire"
)

// greeting is the beginning of a session. Each side says Hello, Admission and Identity, in this
// order and once. The shell proves the peer's Identity and answers with Joined.
//
//	toOpen → toGreet → toAdmit → toName → toProve → over
//	     Open      Hello    Admission  Identity   Joined
type greeting struct {
	*turn
	stage     stage
	intro     Open
	nonce     [32]byte
	peerNonce [32]byte
}

// stage is what comes next in a greeting.
type stage int

const (
	toOpen  stage = iota // Open
	toGreet              // the peer's Hello
	toAdmit              // its Admission
	toName               // its Identity
	toProve              // Joined; from here on, the peer may send offers
	over                 // nothing
)

// open says Hello.
func (g *greeting) open(in Open) {
	if g.stage != toOpen {
		return
	}
	g.stage, g.intro = toGreet, in
	g.send(wire.Frame{Hello: &wire.Hello{Version: wire.Version, Nonce: g.nonce}})
}

// take takes a frame of the greeting. It returns false for frames that may come after it.
func (g *greeting) take(f wire.Frame) bool {
	switch {
	case g.stage == toGreet && f.Hello != nil:
		g.hello(f.Hello)
	case g.stage == toAdmit && f.Admission != nil:
		g.admission(f.Admission)
	case g.stage == toName && f.Identity != nil:
		g.stage = toProve
		g.emit(Identify{g.peerNonce, f.Identity.Card, f.Identity.Profile})
	case g.stage < toProve:
		g.close(broken("out of order before the identity"))
	case f.Hello != nil || f.Admission != nil || f.Identity != nil:
		g.close(broken("greeting twice"))
	default:
		return false
	}
	return true
}

func (g *greeting) hello(h *wire.Hello) {
	if h.Version != wire.Version {
		g.close(fmt.Errorf("%w: %d", ErrIncompatible, h.Version))
		return
	}
	g.stage, g.peerNonce = toAdmit, h.Nonce
	g.send(wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}})
	g.send(wire.Frame{Identity: &wire.Identity{Card: g.intro.Card, Profile: g.intro.Profile}})
	g.intro = Open{}
}

func (g *greeting) admission(a *wire.Admission) {
	if a.Mode != wire.AdmissionOpen || a.Proof != nil {
		g.close(fmt.Errorf("%w: admission mode %d", ErrIncompatible, a.Mode))
		return
	}
	g.stage = toName
}

// join takes Joined. It returns false if that does not come in its place, or ends the session.
func (g *greeting) join(in *Joined) bool {
	if g.stage < toProve {
		return false
	}
	if in.Err != nil {
		g.close(in.Err)
		return false
	}
	g.stage = over
	return true
}

// joined reports whether Joined has come.
func (g *greeting) joined() bool { return g.stage == over }
