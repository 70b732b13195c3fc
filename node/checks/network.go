package checks

import "github.com/earshot-im/earshot/discovery"

// OfInterfaces judges this machine's interfaces: whether there is any over which others may be found,
// and which are left out.
func OfInterfaces(n discovery.Network, err error) []Check {
	if err != nil {
		return []Check{{Check: Interfaces, Code: None, Detail: err.Error()}}
	}
	var out []Check
	for _, l := range n.LeftOut() {
		out = append(out, Check{Check: Interfaces, Code: LeftOut, OK: true, About: l.Interface, Values: Values{Reason: string(l.Reason)}})
	}
	usable := Usable(n)
	for _, l := range usable {
		c := Check{Check: Interfaces, OK: true, About: l.Name}
		if l.Inside { // mostly the cable is out, or the Wi-Fi off
			c.OK, c.Code, c.Values.Reason = false, None, string(discovery.Container)
		}
		out = append(out, c)
	}
	if len(usable) == 0 {
		out = append(out, Check{Check: Interfaces, Code: None})
	}
	return out
}

// Usable returns the interfaces over which others are looked for, and at whose addresses others can
// reach this machine.
func Usable(n discovery.Network) (out []discovery.Link) {
	left := make(map[string]bool)
	for _, l := range n.LeftOut() {
		left[l.Interface] = true
	}
	for _, l := range n.Multicast() {
		if !left[l.Name] {
			out = append(out, l)
		}
	}
	return out
}

// Sent is a packet that one socket of this machine has sent by multicast over an interface, and
// another has listened for.
//
// The system gives what it sends to its own listeners after its filters of what goes out and before
// those of what comes in. So a packet that comes back has passed the filters of this machine both
// ways. That it has left the cable, and that others may send as well, it does not prove.
type Sent struct {
	Interface string
	Family    string // IPv4 or IPv6
	Port      uint16
	Listening error // why the other could not listen
	Sending   error // why it was not sent
	Heard     bool
}

// OfMulticast judges the packets that were sent. There is one check for each that is lost, or one for
// each interface where none is.
func OfMulticast(sent []Sent) (out []Check) {
	lost := make(map[string]bool)
	for _, s := range sent {
		c := Check{Check: Multicast, About: s.Interface, Values: Values{Family: s.Family, Port: s.Port}}
		switch {
		case s.Sending != nil:
			c.Code, c.Detail = Out, s.Sending.Error()
		case s.Listening != nil:
			c.Code, c.Detail = In, s.Listening.Error()
		case !s.Heard:
			c.Code = In
		default:
			continue
		}
		lost[s.Interface] = true
		out = append(out, c)
	}
	for _, s := range sent {
		if !lost[s.Interface] {
			lost[s.Interface] = true
			out = append(out, Check{Check: Multicast, OK: true, About: s.Interface, Values: Values{Port: s.Port}})
		}
	}
	return out
}

// Claim is how an attempt has ended to have a port, or for UDP to share it.
type Claim struct {
	Port   uint16
	Held   bool // another program has it for itself
	Holder Holder
	Err    error // of the attempt
}

// OfShared judges a UDP port that is to be shared, by the name of its check. It is off where the
// owner wants to do without.
func OfShared(name string, off bool, c Claim) Check {
	out := Check{Check: name, OK: true, Values: Values{Port: c.Port}}
	switch {
	case off:
		out.Code = Off
	case c.Held:
		out.Code, out.OK, out.Values.Holder = Held, false, c.Holder
	}
	if c.Err != nil {
		out.Detail = c.Err.Error()
	}
	return out
}

// OfPort judges the TCP port on which the node listens or is to listen. Where another program has
// it, the node listens on instead; 0: it does not run.
func OfPort(c Claim, instead uint16) Check {
	out := Check{Check: Port, OK: !c.Held, Values: Values{Port: c.Port}}
	if c.Held {
		out.Code = Taken
		out.Values.Holder, out.Values.Instead = c.Holder, instead
	}
	if c.Err != nil {
		out.Detail = c.Err.Error()
	}
	return out
}
