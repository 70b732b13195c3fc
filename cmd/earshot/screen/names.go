package screen

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Called names a conversation in a row, in at most so many columns.
func Called(most int, c *earshotv1.Conversation) string {
	if c.With.GetKind() == "group" {
		return label.GroupWithin(most, c.With)
	}
	if c.Person != nil {
		return label.Brief(most, c.Person)
	}
	return label.Short(c.With.GetId())
}

// Known are all persons who are known here, those whom the owner knows first.
func (s *State) Known() (all []*earshotv1.Person) {
	seen := make(map[string]bool)
	add := func(p *earshotv1.Person) {
		if p != nil && !seen[p.Person] && (s.Me == nil || p.Person != s.Me.Person) {
			seen[p.Person] = true
			all = append(all, s.Person(p))
		}
	}
	for _, c := range s.List {
		add(c.Person)
	}
	for _, p := range s.Persons {
		add(p)
	}
	slices.SortStableFunc(all, func(a, b *earshotv1.Person) int {
		return cmp.Or(First(a.Contact, b.Contact), cmp.Compare(strings.ToLower(label.Who(a)), strings.ToLower(label.Who(b))))
	})
	return all
}

// First orders what is so before what isn't.
func First(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Standing is where somebody is, as a sign and in words.
func (s *State) Standing(p *earshotv1.Person) (sign, text string) {
	switch p = s.Person(p); {
	case p.Blocked:
		return words.SignBlocked, words.IsBlocked
	case p.Online && p.Away:
		return words.SignAway, words.Away
	case p.Online:
		return words.SignHere, words.Here
	case p.LastSeen != nil:
		return words.SignOff, words.Off(s.When(p.LastSeen.AsTime()))
	}
	return words.SignOff, words.NotHere
}

// TypedWho splits off the first word of what was typed behind a command: quoted, or up to a blank.
func TypedWho(args string) (who, rest string) {
	args = strings.TrimSpace(args)
	if args == "" {
		return "", ""
	}
	if q := args[0]; q == '"' || q == '\'' {
		if end := strings.IndexByte(args[1:], q); end >= 0 {
			return args[1 : 1+end], strings.TrimSpace(args[2+end:])
		}
	}
	who, rest, _ = strings.Cut(args, " ")
	return who, strings.TrimSpace(rest)
}

// Target resolves who was typed, or takes the one with whom the open conversation is, and then does
// something.
func (s *State) Target(args string, then func(s *State, who string) []Act) []Act {
	if args = strings.TrimSpace(args); args != "" {
		return Call(func(ctx context.Context, api API) (*earshotv1.Target, error) {
			return api.Resolve(ctx, &earshotv1.ResolveRequest{Who: Unquote(args)})
		}, func(s *State, t *earshotv1.Target) []Act { return then(s, Who(t)) })
	}
	if s.Open == nil {
		s.Bad(words.Whom)
		return nil
	}
	return then(s, Who(s.Open.Conv.With))
}

// Unquote takes away the quotation marks around all of a text.
func Unquote(text string) string {
	if who, rest := TypedWho(text); rest == "" {
		return who
	}
	return text
}

// Marks says in a row what is to know of a conversation: draft, muted, mentions, unread.
func (s *State) Marks(c *earshotv1.Conversation) (l frame.Line) {
	add := func(text string, style frame.Style) {
		if len(l) > 0 {
			l = append(l, frame.Span{Text: " "})
		}
		l = append(l, frame.Span{Text: text, Style: style})
	}
	if c.Draft != nil || c.Edit != nil {
		add("draft", frame.Dim)
	}
	if s.Muted(c) || c.Notify == "none" {
		add("muted", frame.Dim)
	}
	if c.Waiting {
		add("waits", frame.Dim)
	}
	if c.Mentions > 0 {
		add("@", frame.Bold|frame.Red)
	}
	if c.Unread > 0 {
		add(words.Unread(c.Unread), frame.Bold)
	}
	return l
}

// When is a time as people read it: the time of day if it is today, else the day too.
func (s *State) When(t time.Time) string {
	t, today := t.In(s.Zone), time.UnixMilli(s.now).In(s.Zone)
	switch {
	case t.Year() == today.Year() && t.YearDay() == today.YearDay():
		return t.Format("15:04")
	case t.Year() == today.Year():
		return t.Format("2 January 15:04")
	}
	return t.Format("2 January 2006")
}
