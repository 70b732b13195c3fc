package show

import (
	"fmt"
	"io"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Unreached writes, while a node runs, that a peer that was named is not reached.
func (p Printer) Unreached(w io.Writer, peer, detail string) error {
	return p.Row(w, object.OfUnreached(peer, detail), "earshot: %s", advice.Unreached(peer, detail))
}

// NewIdentity writes that a directory had no identity and has a new one now.
func (p Printer) NewIdentity(w io.Writer, dir string) error {
	return p.Row(w, object.OfNewIdentity(dir), "earshot: new identity created in %s", terminal.Line(dir))
}

// Finding tells what stands in the way of finding others, and what to do where nobody was found.
// Where somebody was, what its owner asked for is left out.
func Finding(w io.Writer, f *earshotv1.Finding, found bool) error {
	if found {
		return Started(w, f)
	}
	lines := advice.Finding(f, true)
	if !slices.ContainsFunc(f.GetTroubles(), func(t *earshotv1.Trouble) bool { return t.Code == "no_network" }) {
		lines = append([]string{nobody}, lines...)
	}
	return writeLines(w, lines)
}

// nobody is said on a machine that has a network.
const nobody = "nobody on this network yet: run earshot on another machine of it, or name one with `earshot up --peer ADDRESS`"

// Started tells the same when a node has started, but not what its owner has just asked for.
func Started(w io.Writer, f *earshotv1.Finding) error {
	return writeLines(w, advice.Finding(f, false))
}

func writeLines(w io.Writer, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
