package discovery

import "net/netip"

// Place is where a connected device is.
type Place struct {
	Remote  netip.AddrPort   // its end of the connection; not valid if that has no IP
	Dialled bool             // this node has dialled it there
	Own     []netip.AddrPort // where it says that it is itself
	Heard   []netip.AddrPort // where it was sighted; others may have made that up
}
