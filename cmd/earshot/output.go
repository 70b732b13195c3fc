package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

// The objects of --json. Their fields are CLI.md's; absent ones are left out.

type statusJSON struct {
	Person    string   `json:"person"`
	Name      string   `json:"name,omitempty"`
	Device    string   `json:"device"`
	Version   string   `json:"version"`
	Listening []string `json:"listening"`
	Peers     uint32   `json:"peers"`
	Outbox    uint32   `json:"outbox"`
}

type peerJSON struct {
	Person    string   `json:"person,omitempty"`
	Name      string   `json:"name,omitempty"`
	Petname   string   `json:"petname,omitempty"`
	Device    string   `json:"device"`
	Online    bool     `json:"online"`
	Contact   bool     `json:"contact"`
	Verified  bool     `json:"verified"`
	Addresses []string `json:"addresses"`
	FoundBy   []string `json:"found_by"`
	LastSeen  string   `json:"last_seen,omitempty"`
}

type meJSON struct {
	Person       string `json:"person"`
	Name         string `json:"name,omitempty"`
	Device       string `json:"device"`
	Accept       string `json:"accept"`
	ReadReceipts bool   `json:"read_receipts"`
}

type targetJSON struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type sentJSON struct {
	ID           string     `json:"id"`
	Conversation string     `json:"conversation"`
	To           targetJSON `json:"to"`
	State        string     `json:"state"`
	Time         string     `json:"time"`
}

type authorJSON struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Petname  string `json:"petname,omitempty"`
	Device   string `json:"device"`
	Contact  bool   `json:"contact"`
	Verified bool   `json:"verified"`
}

type messageJSON struct {
	ID           string     `json:"id"`
	Conversation string     `json:"conversation"`
	To           targetJSON `json:"to"`
	From         authorJSON `json:"from"`
	Kind         string     `json:"kind"`
	Text         string     `json:"text"`
	Time         string     `json:"time"`
	Received     string     `json:"received,omitempty"`
	ReplyTo      string     `json:"reply_to,omitempty"`
	State        string     `json:"state,omitempty"`
	Gap          bool       `json:"gap,omitempty"`
	Forked       bool       `json:"forked,omitempty"`
}

type pendingJSON struct {
	ID         string     `json:"id"`
	To         targetJSON `json:"to"`
	Queued     string     `json:"queued"`
	WaitingFor string     `json:"waiting_for"`
	Detail     string     `json:"detail,omitempty"`
}

type personJSON struct {
	Person   string   `json:"person"`
	Name     string   `json:"name,omitempty"`
	Petname  string   `json:"petname,omitempty"`
	Contact  bool     `json:"contact"`
	Verified bool     `json:"verified"`
	Blocked  bool     `json:"blocked"`
	Online   bool     `json:"online"`
	Devices  []string `json:"devices"`
}

type requestJSON struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Device   string `json:"device"`
	Received string `json:"received,omitempty"`
	Text     string `json:"text,omitempty"`
}

func toTarget(t *controlv1.Target) targetJSON {
	return targetJSON{t.GetKind(), t.GetId(), t.GetName()}
}

func toSent(s *controlv1.Sent) sentJSON {
	return sentJSON{s.Id, s.Conversation, toTarget(s.To), s.State, rfc3339(s.Time)}
}

func toPeer(p *controlv1.Peer) peerJSON {
	return peerJSON{p.Person, p.Name, p.Petname, p.Device, p.Online, p.Contact, p.Verified,
		list(p.Addresses), list(p.FoundBy), rfc3339(p.LastSeen)}
}

func toMessage(m *controlv1.Message) messageJSON {
	from := m.GetFrom()
	return messageJSON{
		ID:           m.Id,
		Conversation: m.Conversation,
		To:           toTarget(m.To),
		From:         authorJSON{from.GetPerson(), from.GetName(), from.GetPetname(), from.GetDevice(), from.GetContact(), from.GetVerified()},
		Kind:         m.Kind,
		Text:         m.Text,
		Time:         rfc3339(m.Time),
		Received:     rfc3339(m.Received),
		ReplyTo:      m.ReplyTo,
		State:        m.State,
		Gap:          m.Gap,
		Forked:       m.Forked,
	}
}

func toPerson(p *controlv1.Person) personJSON {
	return personJSON{p.Person, p.Name, p.Petname, p.Contact, p.Verified, p.Blocked, p.Online, list(p.Devices)}
}

func persons(list []*controlv1.Person) (out []personJSON) {
	for _, p := range list {
		out = append(out, toPerson(p))
	}
	return out
}

// list is never null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func rfc3339(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02T15:04:05.000Z07:00")
}

// clock is a time as people read it.
func clock(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().Local().Format(time.DateTime)
}

// writeJSON writes one line.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	line := terminal.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	_, err := w.Write(append(line, '\n'))
	return err
}

// row writes one result to w: v as JSON, or text for people, in which everything of
// others has passed through terminal.
func (a *app) row(w io.Writer, v any, format string, args ...any) error {
	if a.json {
		return writeJSON(w, v)
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// who shows a person. A petname is the owner's word and stands alone; a name is a
// claim, and what stands behind it tells one claimant from the next.
func who(name, petname, person string, contact, verified bool) string {
	if petname != "" {
		return terminal.Line(petname)
	}
	id := person[:min(8, len(person))]
	switch {
	case verified:
		id = "verified " + id
	case !contact:
		id = "stranger " + id
	}
	return strings.TrimSpace(terminal.Line(name) + " (" + id + ")")
}

// title is who for a person of a list, with all that is known.
func title(p *controlv1.Person) string {
	s := who(p.Name, p.Petname, p.Person, p.Contact, p.Verified)
	var also []string
	if p.Petname != "" && p.Name != "" && p.Name != p.Petname {
		also = append(also, "calls themselves "+terminal.Line(p.Name))
	}
	if p.Petname == "" && p.Pinned != "" && p.Name != p.Pinned {
		also = append(also, "known here as "+terminal.Line(p.Pinned))
	}
	if p.Petname != "" && p.Verified {
		also = append(also, "verified")
	}
	if p.Online {
		also = append(also, "online")
	}
	if p.Blocked {
		also = append(also, "blocked")
	}
	if len(also) > 0 {
		s += ", " + strings.Join(also, ", ")
	}
	return s
}

// message writes a row of recv or history. What is said about it stands before the
// colon, where its text can't reach.
func (a *app) message(w io.Writer, m *controlv1.Message) error {
	from := m.GetFrom()
	author := who(from.GetName(), from.GetPetname(), from.GetPerson(), from.GetContact(), from.GetVerified())
	var notes []string
	if m.Own {
		author = "me"
		notes = append(notes, m.State)
	}
	if m.To.GetKind() == "group" {
		author = "#" + terminal.Line(m.To.GetName()) + " " + author
	}
	if m.ReplyTo != "" {
		notes = append(notes, "reply to "+m.ReplyTo[:min(8, len(m.ReplyTo))])
	}
	if m.Gap {
		notes = append(notes, "something before it is missing")
	}
	if m.Forked {
		notes = append(notes, "contradicted by its author")
	}
	head := a.style.Dim(clock(m.Time)) + "  " + a.style.Bold(author)
	if len(notes) > 0 {
		head += a.style.Dim(" [" + strings.Join(notes, ", ") + "]")
	}
	text := terminal.Text(m.Text)
	if m.Kind == "recalled" {
		text = a.style.Dim("(taken back)")
	}
	return a.row(w, toMessage(m), "%s: %s", head, text)
}
