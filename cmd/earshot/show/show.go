// Package show makes what the command line prints: for each kind of result a row for people, or for
// --json the object of package object. It asks nobody and decides nothing. All that came from others
// passes through terminal on its way, in both forms, so no command has to think of it.
//
// A Printer is a value: set it up once and share it. It writes to what it is given, and returns no
// errors but those of the writer.
//
// The commands of earshot use it. Words that the screen has too are in packages phrase and attachment, which
// has those about files; what to do about checks and warnings is said by package advice. What the commands ask
// of the node is in packages reading and sending, and how they print errors is in package problem.
package show

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Printer writes rows: JSON, or text marked by Style.
type Printer struct {
	JSON  bool
	Long  bool // lists also have IDs, addresses and sources, and nothing in them is cut
	Style terminal.Style

	IDs *IDs // what was printed of IDs so far; nil: nothing is remembered

	// Columns is how wide the terminal is; 0: as wide as usual. Only texts need it: lists have columns
	// of their own.
	Columns int
}

// clock is a time as people read it.
func clock(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().Local().Format(time.DateTime)
}

// Row writes one result to w: v as JSON, or else a text for people. What others wrote must have
// passed through terminal before it is put into that.
func (p Printer) Row(w io.Writer, v any, format string, args ...any) error {
	if p.JSON {
		return object.Write(w, v)
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
	return p.Row(w, object.OfSent(s), "%s%s", s.Id, after)
}

// SentFiles is Sent for a message with attachments.
func (p Printer) SentFiles(w io.Writer, s *earshotv1.Sent, files []*earshotv1.Attachment) error {
	return p.Row(w, object.OfSent(s, files...), "%s", s.Id)
}

// Person writes what is known about somebody.
func (p Printer) Person(w io.Writer, v *earshotv1.Person) error {
	return p.Row(w, object.OfPerson(v), "%s", label.Title(v))
}

// Words writes the words that two persons compare.
func (p Printer) Words(w io.Writer, r *earshotv1.SafetyWordsResponse) error {
	half := len(r.Words) / 2
	return p.Row(w, object.OfWords(r),
		"%s\n\n    %s\n    %s\n", label.Title(r.Person), strings.Join(r.Words[:half], " "), strings.Join(r.Words[half:], " "))
}

// VerifyBack writes what makes a verification whole: the other person does the same.
func (p Printer) VerifyBack(w io.Writer, me *earshotv1.MeResponse) error {
	_, err := fmt.Fprintf(w, "now ask them to run `earshot verify %s` as well\n", terminal.Word(label.Own(me.Name, me.Person)))
	return err
}
