package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

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
		rows = append(rows, fmt.Sprintf("warning    %s (last seen %s)", advice.Warning(w), clock(w.Since)))
	}
	if all := advice.Finding(s.Finding, true); len(all) > 0 {
		rows = append(rows, "finding    "+strings.Join(all, under))
	}
	return p.Row(w, object.OfStatus(s), "%s\n%s", p.Style.Bold(own(s.Name)), strings.Join(rows, "\n"))
}

// Ready writes that a node has started.
func (p Printer) Ready(w io.Writer, s *earshotv1.StatusResponse) error {
	name := label.Own(s.Name, "without a name")
	where := "no network"
	if len(s.Listening) > 0 {
		where = strings.Join(s.Listening, " ")
	}
	return p.Row(w, object.OfReady(s), "ready %s on %s", name, where)
}

// own is what the owner calls themselves.
func own(name string) string { return label.Own(name, "no name yet: `earshot me name NEW` sets one") }

// Me writes the owner's settings.
func (p Printer) Me(w io.Writer, v *earshotv1.MeResponse) error {
	onOff := map[bool]string{true: "on", false: "off"}
	rows := []string{
		p.Style.Bold(own(v.Name)),
		"person         " + v.Person,
		"device         " + v.Device,
		"accept         " + v.Accept,
		"read-receipts  " + onOff[v.ReadReceipts],
		"typing         " + onOff[v.Typing],
		"presence       " + onOff[v.Presence],
	}
	if v.Alerts != "" {
		rows = append(rows, "alerts         "+terminal.Line(v.Alerts))
	}
	for _, q := range v.QuietHours {
		hours := object.OfQuietHours(q)
		rows = append(rows, strings.TrimSpace("quiet-hours    "+hours.From+"-"+hours.To+" "+strings.Join(hours.Days, ",")))
	}
	if v.QuietUntil != nil {
		rows = append(rows, "quiet         "+until(v.QuietUntil))
	}
	if f := v.Files; f != nil {
		most := "no limit"
		if f.Max > 0 {
			most = "up to " + limit(f.Max)
		}
		rows = append(rows,
			"files auto     "+terminal.Line(f.Auto),
			"files dir      "+terminal.Line(f.Dir),
			"files keep     up to "+limit(f.Keep),
			"files max      "+most)
	}
	if v.RecoveryKept {
		rows = append(rows, "recovery       not on paper yet: `earshot me recovery` shows the words")
	}
	return p.Row(w, object.OfMe(v), "%s", strings.Join(rows, "\n"))
}

// Recovery writes the words of the owner's recovery key, a line for each.
func (p Printer) Recovery(w io.Writer, words []string) error {
	rows := make([]string, len(words))
	for i, word := range words {
		rows[i] = fmt.Sprintf("%2d  %s", i+1, word)
	}
	return p.Row(w, object.Recovery{Words: words}, "%s", strings.Join(rows, "\n"))
}

// limit is a number of bytes that somebody has set, as they have typed it: so that 256MiB is not shown as 268 MB,
// which would be another number if it was typed.
func limit(n uint64) string {
	for _, u := range []struct {
		name  string
		bytes uint64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d %s", n/u.bytes, u.name)
		}
	}
	return attachment.Size(n)
}

// Version writes which version of the program this is.
func (p Printer) Version(w io.Writer, v string) error {
	return p.Row(w, object.OfVersion(v), "earshot %s", v)
}
