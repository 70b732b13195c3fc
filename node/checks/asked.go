package checks

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

const (
	// FarOff is how far clocks may be apart. Up to it a message stands where its author's clock says.
	FarOff = 2 * time.Minute

	// Connected is the outcome of dialling back that is no fault.
	Connected = "connected"
)

// Asked is what a connected contact has answered, and what was seen of them besides.
type Asked struct {
	Person  crypto.PersonID
	Device  string
	Address string // of their end of the connection
	Version string
	OnLink  bool          // they are on a network over which this node is looked for
	Offset  time.Duration // how far this machine's clock is ahead of theirs

	Outcome string // of dialling back: Connected, Refused, TimedOut or Other; empty: not tried

	WeAnnounce   bool    // this node does so by multicast or broadcast, and listens, and did so just now
	TheyAnnounce bool    // the same of them
	HeardUs      []Heard // by which ways they have heard this node since
	HeardThem    []Heard // by which ways this node has heard them since
}

// OfAnswers judges what connected contacts have answered. Some more may have been asked that have not:
// where nobody is left to compare with, that is told.
func OfAnswers(port uint16, asked []Asked, silent int) []Check {
	out := append(append(hearing(asked), clocks(asked)...), reachable(port, asked))
	for i := range out {
		if out[i].Code == Nobody {
			out[i].Values.Asked, out[i].Values.Answered = len(asked)+silent, len(asked)
		}
	}
	return out
}

// reachable judges whether others get a connection to the port on which this node listens. One who
// does is proof enough, but for a network of this machine only one who is on it: a firewall may let
// through what comes by a VPN.
func reachable(port uint16, asked []Asked) Check {
	out := Check{Check: Reachable, Values: Values{Port: port}}
	beside := slices.DeleteFunc(slices.Clone(asked), func(a Asked) bool { return !a.OnLink || a.Outcome == "" || a.Outcome == Other })
	if len(beside) > 0 {
		asked = beside
	}
	var failed *Asked
	for i, a := range asked {
		switch a.Outcome {
		case "":
			continue
		case Connected:
			out.Values.Answered++
		default:
			if failed == nil || failed.Outcome == Other {
				failed = &asked[i]
			}
		}
		out.Values.Asked++
	}
	switch {
	case out.Values.Asked == 0:
		out.OK, out.Code = true, Nobody
	case out.Values.Answered > 0 || failed.Outcome == Other:
		out.OK = true
	default:
		out.Code, out.Person = Closed, failed.Person
		out.Values.Outcome, out.Values.Address = failed.Outcome, failed.Address
	}
	return out
}

// hearing judges whether this node and the peers hear each other announce themselves. Who does not
// announce itself does not listen either, since its owner wants that or its ports are held.
func hearing(asked []Asked) (out []Check) {
	compared := 0
	for _, a := range asked {
		if !a.OnLink || !a.WeAnnounce || !a.TheyAnnounce {
			continue
		}
		compared++
		values := Values{Device: a.Device, Address: a.Address}
		if len(a.HeardUs) == 0 {
			out = append(out, Check{Check: Multicast, Code: Unheard, Person: a.Person, Values: values})
		}
		if len(a.HeardThem) == 0 {
			out = append(out, Check{Check: Multicast, Code: Deaf, Person: a.Person, Values: values})
		}
	}
	switch {
	case compared == 0:
		return []Check{{Check: Multicast, Code: Nobody, OK: true}}
	case out == nil:
		return []Check{{Check: Multicast, OK: true, Values: Values{Asked: compared}}}
	}
	return out
}

// clocks judges this machine's clock by those of peers. Of clocks that differ, those are right with
// which most agree; where there are as many on either side, nobody can say. A peer whose clock is
// wrong is told of, which is no fault of this machine's.
func clocks(asked []Asked) (out []Check) {
	if len(asked) == 0 {
		return []Check{{Check: Clock, Code: Nobody, OK: true}}
	}
	offsets := []time.Duration{0} // this machine's own
	for _, a := range asked {
		offsets = append(offsets, a.Offset)
	}
	ours, others := near(offsets, 0), []time.Duration{}
	for _, o := range offsets {
		if n := near(offsets, o); o.Abs() > FarOff && len(n) > len(others) {
			others = n
		}
	}
	own := Check{Check: Clock, OK: true, Values: Values{Offset: median(offsets[1:]), Asked: len(asked)}}
	switch {
	case len(others) > len(ours):
		own.OK, own.Code = false, Off
		own.Values.Whose, own.Values.Offset = Ours, median(others)
	case len(others) == len(ours):
		own.OK, own.Code, own.Values.Offset = false, Off, median(others)
	}
	out = append(out, own)
	for _, a := range asked {
		if own.OK && a.Offset.Abs() > FarOff {
			out = append(out, Check{Check: Clock, Code: Off, OK: true, Person: a.Person,
				Values: Values{Offset: a.Offset, Whose: Theirs, Asked: len(asked)}})
		}
	}
	return out
}

// near returns the clocks that agree with one.
func near(offsets []time.Duration, one time.Duration) []time.Duration {
	return slices.DeleteFunc(slices.Clone(offsets), func(o time.Duration) bool { return (o - one).Abs() > FarOff })
}

// median returns the middle one, the lower of two.
func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2]
}
