package advice

import (
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Finding says what stands in the way of finding others and what to do, and, if wanted, also what the owner
// has wanted so.
func Finding(f *earshotv1.Finding, wanted bool) (lines []string) {
	for _, t := range f.GetTroubles() {
		if t.Code == "no_mdns" && !wanted {
			continue
		}
		lines = append(lines, trouble(t))
	}
	for _, u := range f.GetUnreached() {
		lines = append(lines, Unreached(u.Peer, u.Detail))
	}
	return append(lines, leftOut(f)...)
}

// Unreached says that a peer that was named by --peer is not reached, and why.
func Unreached(peer, detail string) string {
	return "--peer " + terminal.Line(peer) + " is not reached: " + terminal.Line(detail)
}

func trouble(t *earshotv1.Trouble) string {
	detail := ""
	if t.Detail != "" {
		detail = ": " + terminal.Line(t.Detail)
	}
	switch t.Code {
	case "no_network":
		return "this machine has no network now" + detail
	case "no_mdns":
		return "this node does not look for others, since it runs with --no-mdns: it finds who is named by --peer, and whom it met before"
	case "announce":
		return "others are not told of this node" + detail + "; name it at theirs, with `earshot up --peer` and an address that `earshot status` shows"
	case "hear":
		return "nothing is heard of others" + detail + "; name one with `earshot up --peer ADDRESS`"
	}
	return terminal.Line(t.Code) + detail // of a newer node
}

// leftOut says over which network interfaces nobody is found.
func leftOut(f *earshotv1.Finding) (lines []string) {
	for _, l := range f.GetLeftOut() {
		lines = append(lines, "nobody is found over "+terminal.Line(l.Interface)+": "+LeftOut(l.Reason, l.Interface))
	}
	return lines
}
