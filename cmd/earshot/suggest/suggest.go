// Package suggest finds what a shell offers when its user presses Tab: people, groups, members and
// messages that the node knows. It only asks; what a name means is decided by the node, when the
// command is run.
//
// Suggestions pass through a shell, and names are chosen by others. So a name is offered only where
// it is made of letters, digits and a few signs that no shell understands, and otherwise the ID;
// and what several people or groups are called is offered for none of them.
//
// Complete has the commands ask here; it is called once, by the root. An error of a source means that
// there is nothing to offer.
package suggest

import (
	"context"
	"net"
	"strings"
	"unicode"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Suggestion is what can be typed, and what it stands for.
type Suggestion struct{ Word, About string }

// Source lists what can be typed in one place of a command line. It is given the arguments before.
type Source func(ctx context.Context, client *localapi.Client, before []string) ([]Suggestion, error)

// Values is a source of words that are always the same.
func Values(words ...string) Source {
	return func(context.Context, *localapi.Client, []string) (all []Suggestion, err error) {
		for _, w := range words {
			all = append(all, Suggestion{Word: w})
		}
		return all, nil
	}
}

// Interfaces offers the network interfaces of this machine.
func Interfaces(context.Context, *localapi.Client, []string) (all []Suggestion, err error) {
	interfaces, err := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			all = append(all, Suggestion{Word: i.Name})
		}
	}
	return all, err
}

// Any is a source of what several sources offer.
func Any(sources ...Source) Source {
	return func(ctx context.Context, client *localapi.Client, before []string) (all []Suggestion, err error) {
		for _, from := range sources {
			some, err := from(ctx, client, before)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, nil
	}
}

// People offers contacts, and whoever is on this network.
func People(ctx context.Context, client *localapi.Client, _ []string) ([]Suggestion, error) {
	known, err := client.Contacts(ctx, &earshotv1.ContactsRequest{})
	if err != nil {
		return nil, err
	}
	here, err := client.Peers(ctx, &earshotv1.PeersRequest{})
	if err != nil {
		return nil, err
	}
	var names named
	for _, p := range known.Persons {
		names.add(typed(p), p.Person, label.Title(p))
	}
	for _, p := range here.Peers {
		names.add(typed(p), p.Person, label.Who(p))
	}
	return names.suggestions(), nil
}

// typed is the name that means a person where it is typed, or "" if only the ID does.
func typed(p label.Somebody) string {
	if p.GetContact() {
		return p.GetKnownAs()
	}
	return p.GetName()
}

// Requests offers whoever waits to be accepted.
func Requests(ctx context.Context, client *localapi.Client, _ []string) ([]Suggestion, error) {
	r, err := client.Requests(ctx, &earshotv1.RequestsRequest{})
	if err != nil {
		return nil, err
	}
	var names named
	for _, v := range r.Requests {
		names.add(v.Name, v.Person, label.Asks(v)+", waits to be accepted")
	}
	return names.suggestions(), nil
}

// Groups offers the groups that the owner is in.
func Groups(ctx context.Context, client *localapi.Client, _ []string) ([]Suggestion, error) {
	r, err := client.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return nil, err
	}
	var names named
	for _, g := range r.Groups {
		if g.Role != "" {
			names.add(g.Name, g.Id, phrase.Group(g))
		}
	}
	return names.suggestions(), nil
}

// Members offers who is in the group that was named before.
func Members(ctx context.Context, client *localapi.Client, before []string) ([]Suggestion, error) {
	r, err := client.Members(ctx, &earshotv1.MembersRequest{Group: before[0]})
	if err != nil {
		return nil, err
	}
	var names named
	for _, m := range r.Members {
		if !m.Self {
			names.add(typed(m.Person), m.Person.GetPerson(), label.Title(m.Person))
		}
	}
	return names.suggestions(), nil
}

// Waiting offers the messages that are not delivered yet.
func Waiting(ctx context.Context, client *localapi.Client, _ []string) (all []Suggestion, err error) {
	for q, err := range client.Pending(ctx, 0) {
		if err != nil {
			return nil, err
		}
		all = append(all, Suggestion{q.Id, "to " + label.Who(q.Person)})
	}
	return all, nil
}

// Received offers the messages of others with files, and those of the owner's that somebody has not got.
func Received(ctx context.Context, client *localapi.Client, _ []string) (all []Suggestion, err error) {
	r, err := client.ListFiles(ctx, &earshotv1.ListFilesRequest{})
	if err != nil {
		return nil, err
	}
	for _, m := range r.Attached {
		about := "yours"
		if !m.Own {
			about = "from " + label.Who(m.From)
		}
		if len(m.Attachments) > 0 {
			all = append(all, Suggestion{m.Id, attachment.Mark(m.Attachments[0]) + " " + about})
		}
	}
	return all, nil
}

// Browsers offers the sessions of browsers that may use the page.
func Browsers(ctx context.Context, client *localapi.Client, _ []string) (all []Suggestion, err error) {
	r, err := client.WebSessions(ctx, &earshotv1.WebSessionsRequest{})
	if err != nil {
		return nil, err
	}
	for _, s := range r.Sessions {
		all = append(all, Suggestion{s.Id, s.Browser})
	}
	return all, nil
}

// named collects persons or groups by what they are called.
type named struct {
	names, ids, about []string
	called            map[string]map[string]bool // by name without regard to case: the IDs that have it
}

func (n *named) add(name, id, about string) {
	if id == "" {
		return // not known yet
	}
	folded := strings.ToLower(name)
	if n.called == nil {
		n.called = make(map[string]map[string]bool)
	}
	if n.called[folded] == nil {
		n.called[folded] = make(map[string]bool)
	}
	if n.called[folded][id] {
		return
	}
	n.called[folded][id] = true
	n.names, n.ids, n.about = append(n.names, name), append(n.ids, id), append(n.about, about)
}

// suggestions offers names where they are safe and mean one, and otherwise IDs.
func (n *named) suggestions() (all []Suggestion) {
	for i, name := range n.names {
		s := Suggestion{name, n.about[i]}
		if !safe(name) || len(n.called[strings.ToLower(name)]) > 1 {
			s.Word = n.ids[i]
		}
		all = append(all, s)
	}
	return all
}

// safe reports whether a name means the same to every shell.
func safe(name string) bool {
	for i, r := range name {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !letter && (i == 0 || !strings.ContainsRune(" -._", r)) {
			return false
		}
	}
	return name != ""
}
