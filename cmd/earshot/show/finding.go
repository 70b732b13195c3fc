package show

import (
	"fmt"
	"io"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// finding is how others are found, and what stands in the way.
type finding struct {
	LeftOut   []leftOut   `json:"left_out,omitempty"`
	Troubles  []trouble   `json:"troubles,omitempty"`
	Unreached []unreached `json:"unreached,omitempty"`
}

type leftOut struct {
	Interface string `json:"interface"`
	Reason    string `json:"reason"`
}

type trouble struct {
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

type unreached struct {
	Peer   string `json:"peer"`
	Detail string `json:"detail"`
}

// notReached is what was named by --peer and is not reached, on a line of its own.
type notReached struct {
	Unreached unreached `json:"unreached"`
}

type newIdentity struct {
	Dir string `json:"new_identity"`
}

// Unreached writes, while a node runs, that a peer that was named is not reached.
func (p Printer) Unreached(w io.Writer, peer, detail string) error {
	return p.Row(w, notReached{unreached{peer, detail}}, "earshot: %s", unreachedText(peer, detail))
}

func unreachedText(peer, detail string) string {
	return "--peer " + terminal.Line(peer) + " is not reached: " + terminal.Line(detail)
}

// NewIdentity writes that a directory had no identity and has a new one now.
func (p Printer) NewIdentity(w io.Writer, dir string) error {
	return p.Row(w, newIdentity{dir}, "earshot: new identity created in %s", terminal.Line(dir))
}

// toFinding returns nil where nothing stands in the way.
func toFinding(f *earshotv1.Finding) *finding {
	var v finding
	for _, l := range f.GetLeftOut() {
		v.LeftOut = append(v.LeftOut, leftOut{l.Interface, l.Reason})
	}
	for _, t := range f.GetTroubles() {
		v.Troubles = append(v.Troubles, trouble{t.Code, t.Detail})
	}
	for _, u := range f.GetUnreached() {
		v.Unreached = append(v.Unreached, unreached{u.Peer, u.Detail})
	}
	if v.LeftOut == nil && v.Troubles == nil && v.Unreached == nil {
		return nil
	}
	return &v
}

// troubles says what is wrong and what to do, and, if wanted, what the owner has wanted so.
func troubles(f *earshotv1.Finding, wanted bool) (lines []string) {
	for _, t := range f.GetTroubles() {
		if t.Code == "no_mdns" && !wanted {
			continue
		}
		lines = append(lines, troubleText(t))
	}
	for _, u := range f.GetUnreached() {
		lines = append(lines, unreachedText(u.Peer, u.Detail))
	}
	return lines
}

func troubleText(t *earshotv1.Trouble) string {
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

// leftOutTexts says over which network interfaces nobody is found.
func leftOutTexts(f *earshotv1.Finding) (lines []string) {
	for _, l := range f.GetLeftOut() {
		lines = append(lines, "nobody is found over "+terminal.Line(l.Interface)+": "+advice.LeftOut(l.Reason, l.Interface))
	}
	return lines
}

// Finding tells what stands in the way of finding others, and what to do where nobody was found.
// Where somebody was, what its owner asked for is left out.
func Finding(w io.Writer, f *earshotv1.Finding, found bool) error {
	if found {
		return Started(w, f)
	}
	lines := append(troubles(f, true), leftOutTexts(f)...)
	if !slices.ContainsFunc(f.GetTroubles(), func(t *earshotv1.Trouble) bool { return t.Code == "no_network" }) {
		lines = append([]string{nobody}, lines...)
	}
	return writeLines(w, lines)
}

// nobody is said on a machine that has a network.
const nobody = "nobody on this network yet: run earshot on another machine of it, or name one with `earshot up --peer ADDRESS`"

// Started tells the same when a node has started, but not what its owner has just asked for.
func Started(w io.Writer, f *earshotv1.Finding) error {
	return writeLines(w, append(troubles(f, false), leftOutTexts(f)...))
}

func writeLines(w io.Writer, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
