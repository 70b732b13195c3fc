package show

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
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

	Unread   uint32 `json:"unread"`
	Requests uint32 `json:"requests"`
	Online   uint32 `json:"online"`
	Known    uint32 `json:"known"`

	Finding  *finding  `json:"finding,omitempty"`
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
	Near       []string `json:"near,omitempty"`
}

func toStatus(s *earshotv1.StatusResponse) status {
	return status{s.Person, s.Name, s.Device, s.Version, list(s.Listening), s.Peers, s.Outbox, s.Unread, s.Requests, s.Online, s.Known, toFinding(s.Finding), toWarnings(s.Warnings)}
}

// Status writes the node at a glance.
func (p Printer) Status(w io.Writer, s *earshotv1.StatusResponse) error {
	const under = "\n           "
	rows := []string{
		"person     " + s.Person,
		"device     " + s.Device,
		"version    " + terminal.Line(s.Version),
		"listening  " + strings.Join(s.Listening, under),
		fmt.Sprintf("online     %d on this network", s.Online),
		fmt.Sprintf("contacts   %d", s.Known),
		fmt.Sprintf("unread     %d", s.Unread),
		fmt.Sprintf("requests   %d", s.Requests),
		fmt.Sprintf("outbox     %d", s.Outbox),
	}
	for _, w := range s.Warnings {
		rows = append(rows, fmt.Sprintf("warning    %s (last seen %s)", warningText(w), clock(w.Since)))
	}
	if all := append(troubles(s.Finding, true), leftOutTexts(s.Finding)...); len(all) > 0 {
		rows = append(rows, "finding    "+strings.Join(all, under))
	}
	return p.Row(w, toStatus(s), "%s\n%s", p.Style.Bold(own(s.Name)), strings.Join(rows, "\n"))
}

// Ready writes that a node has started.
func (p Printer) Ready(w io.Writer, s *earshotv1.StatusResponse) error {
	name := label.Own(s.Name, "without a name")
	where := "no network"
	if len(s.Listening) > 0 {
		where = strings.Join(s.Listening, " ")
	}
	return p.Row(w, ready{true, toStatus(s)}, "ready %s on %s", name, where)
}

// own is what the owner calls themselves.
func own(name string) string { return label.Own(name, "no name yet: `earshot me name NEW` sets one") }

// Me writes the owner's settings.
func (p Printer) Me(w io.Writer, v *earshotv1.MeResponse) error {
	receipts := "off"
	if v.ReadReceipts {
		receipts = "on"
	}
	return p.Row(w, me{v.Person, v.Name, v.Device, v.Accept, v.ReadReceipts},
		"%s\nperson         %s\ndevice         %s\naccept         %s\nread-receipts  %s",
		p.Style.Bold(own(v.Name)), v.Person, v.Device, v.Accept, receipts)
}

// Version writes which version of the program this is.
func (p Printer) Version(w io.Writer, v string) error {
	return p.Row(w, version{v, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, "earshot %s", v)
}
