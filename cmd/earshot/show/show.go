// Package show makes what the command line prints: for each kind of result a row for people, and an
// object for --json, whose fields scripts depend on. It asks nobody and decides nothing. All that
// came from others passes through terminal here, in both forms, so no command has to think of it.
//
// A Printer is a value: set it up once and share it. It writes to what it is given, and returns no
// errors but those of the writer.
//
// Only the commands of earshot use it. What they ask of the node is in packages reading and
// sending, and how they print errors is in package problem.
package show

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Printer writes rows: JSON, or text marked by Style.
type Printer struct {
	JSON  bool
	Long  bool // lists also have IDs, addresses and sources, and nothing in them is cut
	Style terminal.Style

	// Columns is how wide the terminal is; 0: as wide as usual. Only texts need it: lists have columns
	// of their own.
	Columns int
}

// The objects of --json. Absent fields are left out.

// Peer is a device in earshot.
type Peer struct {
	Person    string   `json:"person,omitempty"`
	Name      string   `json:"name,omitempty"`
	Petname   string   `json:"petname,omitempty"`
	KnownAs   string   `json:"known_as,omitempty"`
	Device    string   `json:"device"`
	Online    bool     `json:"online"`
	Contact   bool     `json:"contact"`
	Verified  bool     `json:"verified"`
	Blocked   bool     `json:"blocked"`
	Addresses []string `json:"addresses"`
	FoundBy   []string `json:"found_by"`
	LastSeen  string   `json:"last_seen,omitempty"`

	pinned string
}

type target struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type sent struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	To           target `json:"to"`
	State        string `json:"state"`
	Reason       string `json:"reason,omitempty"`
	Time         string `json:"time"`
}

type pending struct {
	ID         string `json:"id"`
	To         target `json:"to"`
	Queued     string `json:"queued"`
	WaitingFor string `json:"waiting_for"`
	Reason     string `json:"reason,omitempty"`
	Detail     string `json:"detail,omitempty"`
	LastSeen   string `json:"last_seen,omitempty"`
}

// Person is somebody the node knows of.
type Person struct {
	Person   string   `json:"person"`
	Name     string   `json:"name,omitempty"`
	Petname  string   `json:"petname,omitempty"`
	KnownAs  string   `json:"known_as,omitempty"`
	Contact  bool     `json:"contact"`
	Verified bool     `json:"verified"`
	Blocked  bool     `json:"blocked"`
	Online   bool     `json:"online"`
	Devices  []string `json:"devices"`
}

type words struct {
	named
	Words []string `json:"words"`
}

type request struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Device   string `json:"device"`
	Received string `json:"received,omitempty"`
	Text     string `json:"text,omitempty"`
	More     bool   `json:"more_waits,omitempty"`

	Kind    string  `json:"kind"`
	Notice  string  `json:"notice,omitempty"`
	Group   *target `json:"group,omitempty"`
	Members uint32  `json:"members,omitempty"`
}

func toRequest(r *earshotv1.Request) request {
	v := request{r.Person, r.Name, r.Device, rfc3339(r.Received), r.Text, r.MoreWaits, r.Kind, r.Notice, nil, r.Members}
	if r.Group != nil {
		group := toTarget(r.Group)
		v.Group = &group
	}
	return v
}

func toTarget(t *earshotv1.Target) target {
	return target{t.GetKind(), t.GetId(), t.GetName()}
}

func toSent(s *earshotv1.Sent) sent {
	return sent{s.Id, s.Conversation, toTarget(s.To), s.State, s.Reason, rfc3339(s.Time)}
}

// NewPeer makes the object of a device from the node's answer.
func NewPeer(p *earshotv1.Peer) Peer {
	return Peer{p.Person, p.Name, p.Petname, p.KnownAs, p.Device, p.Online, p.Contact, p.Verified, p.Blocked,
		list(p.Addresses), list(p.FoundBy), rfc3339(p.LastSeen), p.Pinned}
}

// who is the person of a device.
func (v Peer) who() *earshotv1.Person {
	return &earshotv1.Person{Person: v.Person, Name: v.Name, Petname: v.Petname, Pinned: v.pinned, KnownAs: v.KnownAs, Contact: v.Contact, Verified: v.Verified, Blocked: v.Blocked}
}

func toPerson(p *earshotv1.Person) Person {
	return Person{p.Person, p.Name, p.Petname, p.KnownAs, p.Contact, p.Verified, p.Blocked, p.Online, list(p.Devices)}
}

// Persons makes the objects of persons from the node's answer.
func Persons(list []*earshotv1.Person) (out []Person) {
	for _, p := range list {
		out = append(out, toPerson(p))
	}
	return out
}

// list has an empty list printed as [] and not as null.
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

// JSON writes v as one line.
func JSON(w io.Writer, v any) error {
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

// Row writes one result to w: v as JSON, or else a text for people. What others wrote must have
// passed through terminal before it is put into that.
func (p Printer) Row(w io.Writer, v any, format string, args ...any) error {
	if p.JSON {
		return JSON(w, v)
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// Rows writes a row for each element of a list, through a buffer.
func Rows[T any](w io.Writer, list []T, row func(io.Writer, T) error) error {
	b := bufio.NewWriter(w)
	for _, v := range list {
		if err := row(b, v); err != nil {
			return err
		}
	}
	return b.Flush()
}

// Sent writes the ID of an own message, and what comes after it.
func (p Printer) Sent(w io.Writer, s *earshotv1.Sent, after string) error {
	return p.Row(w, toSent(s), "%s%s", s.Id, after)
}

// Person writes what is known about somebody.
func (p Printer) Person(w io.Writer, v *earshotv1.Person) error {
	return p.Row(w, toPerson(v), "%s", label.Title(v))
}

// Words writes the words that two persons compare.
func (p Printer) Words(w io.Writer, r *earshotv1.SafetyWordsResponse) error {
	half := len(r.Words) / 2
	return p.Row(w, words{toNamed(r.Person), r.Words},
		"%s\n\n    %s\n    %s\n", label.Title(r.Person), strings.Join(r.Words[:half], " "), strings.Join(r.Words[half:], " "))
}

// VerifyBack writes what makes a verification whole: the other person does the same.
func (p Printer) VerifyBack(w io.Writer, me *earshotv1.MeResponse) error {
	_, err := fmt.Fprintf(w, "now ask them to run `earshot verify %s` as well\n", terminal.Word(label.Own(me.Name, me.Person)))
	return err
}
