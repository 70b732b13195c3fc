package show

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

type status struct {
	Person    string   `json:"person"`
	Name      string   `json:"name,omitempty"`
	Device    string   `json:"device"`
	Version   string   `json:"version"`
	Listening []string `json:"listening"`
	Peers     uint32   `json:"peers"`
	Outbox    uint32   `json:"outbox"`

	Warnings []warning `json:"warnings,omitempty"`
}

type ready struct {
	Ready bool `json:"ready"`
	status
}

type me struct {
	Person       string `json:"person"`
	Name         string `json:"name,omitempty"`
	Device       string `json:"device"`
	Accept       string `json:"accept"`
	ReadReceipts bool   `json:"read_receipts"`
}

type version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

// Failure is the object of an error. How it comes about is in package problem.
type Failure struct {
	Error      string   `json:"error"`
	Code       string   `json:"code"`
	Hint       string   `json:"hint,omitempty"`
	Candidates []Person `json:"candidates,omitempty"`
	Groups     []Group  `json:"groups,omitempty"`
}

func toStatus(s *earshotv1.StatusResponse) status {
	return status{s.Person, s.Name, s.Device, s.Version, list(s.Listening), s.Peers, s.Outbox, toWarnings(s.Warnings)}
}

// Status writes the node at a glance.
func (p Printer) Status(w io.Writer, s *earshotv1.StatusResponse) error {
	var warnings strings.Builder
	for _, w := range s.Warnings {
		fmt.Fprintf(&warnings, "\nwarning    %s (last seen %s)", warningText(w), clock(w.Since))
	}
	return p.Row(w, toStatus(s),
		"%s\nperson     %s\ndevice     %s\nversion    %s\nlistening  %s\npeers      %d\noutbox     %d%s",
		p.Style.Bold(terminal.Line(s.Name)), s.Person, s.Device, terminal.Line(s.Version),
		strings.Join(s.Listening, "\n           "), s.Peers, s.Outbox, &warnings)
}

// Ready writes that a node has started.
func (p Printer) Ready(w io.Writer, s *earshotv1.StatusResponse) error {
	name := "without a name"
	if s.Name != "" {
		name = terminal.Line(s.Name)
	}
	return p.Row(w, ready{true, toStatus(s)}, "ready %s on %s", name, strings.Join(s.Listening, " "))
}

// Me writes the owner's settings.
func (p Printer) Me(w io.Writer, v *earshotv1.MeResponse) error {
	receipts := "off"
	if v.ReadReceipts {
		receipts = "on"
	}
	return p.Row(w, me{v.Person, v.Name, v.Device, v.Accept, v.ReadReceipts},
		"%s\nperson         %s\ndevice         %s\naccept         %s\nread-receipts  %s",
		p.Style.Bold(terminal.Line(v.Name)), v.Person, v.Device, v.Accept, receipts)
}

// Version writes which version of the program this is.
func (p Printer) Version(w io.Writer, v string) error {
	return p.Row(w, version{v, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, "earshot %s", v)
}
