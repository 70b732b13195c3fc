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
	whole := Check{Check: Interfaces, OK: true}
	if len(usable(n)) == 0 {
		whole = Check{Check: Interfaces, Code: None}
	}
	return append(out, whole)
}

// usable returns the interfaces over which others are looked for and that have an address which
// others can dial.
func usable(n discovery.Network) (out []discovery.Link) {
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
