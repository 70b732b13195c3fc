package server

import (
	"context"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// The name by which the owner knows somebody comes with everything that says who they are.
func TestKnownAsIsTold(t *testing.T) {
	robert := contacts.Person{ID: bob.ID, Name: "Robert", Pinned: "Bob", Contact: true}
	if p := view.Person(robert); p.KnownAs != "Bob" || p.Name != "Robert" || p.Petname != "" {
		t.Errorf("person: %v", p)
	}
	robert.Petname = "Bobby"
	if p := view.Person(robert); p.KnownAs != "Bobby" || p.Pinned != "Bob" {
		t.Errorf("person with a petname: %v", p)
	}
	if p := view.Person(contacts.Person{Name: "Robert"}); p.KnownAs != "" {
		t.Errorf("stranger: %v", p)
	}
	if p := view.Peer(node.Peer{Name: "Robert", KnownAs: "Bob"}); p.KnownAs != "Bob" {
		t.Errorf("peer: %v", p)
	}
	if m := view.Message(chat.Message{From: chat.Author{Name: "Robert", KnownAs: "Bob"}}); m.From.KnownAs != "Bob" {
		t.Errorf("author: %v", m.From)
	}
}

// places notes what is asked about contacts who are replaced or removed.
type places struct {
	People
	asked chat.Replacement
	err   error
}

func (p *places) Newcomers(_ context.Context, who string) (contacts.Newcomers, error) {
	return contacts.Newcomers{Contact: bob, First: []contacts.Newcomer{{Person: contacts.Person{ID: crypto.PersonID{2}, Name: who}, Since: time.Unix(1700000000, 0)}}, More: 5}, nil
}

func (p *places) Like(_ context.Context, who string) ([]contacts.Person, error) {
	return []contacts.Person{{Name: who, Contact: true}}, p.err
}

func (p *places) ReplaceContact(_ context.Context, r chat.Replacement) (chat.Replaced, error) {
	p.asked = r
	group := func(id string) []contacts.Target { return []contacts.Target{{Kind: "group", ID: id}} }
	return chat.Replaced{Person: bob, Old: contacts.Person{Name: "Cleo"}, Groups: group("a"), Others: group("b"), Lost: []chat.Lost{{Group: group("a")[0], Role: "admin"}}, Waiting: 3, Resent: 4}, p.err
}

func (p *places) RemoveContact(context.Context, string) (contacts.Person, int, error) {
	return bob, 2, p.err
}

// Everything that is asked of replacing and removing contacts reaches the room, and what it answers
// reaches the caller.
func TestContactsAreReplaced(t *testing.T) {
	fake := new(places)
	client, _ := serve(t, privateDir(t), Rooms{People: fake, Replacing: fake})
	ctx := t.Context()
	if r, err := client.Contacts(ctx, &earshotv1.ContactsRequest{Like: "Bob"}); err != nil || len(r.Persons) != 1 || r.Persons[0].Name != "Bob" {
		t.Errorf("contacts like Bob: %v %v", r, err)
	}
	if r := view.Request(contacts.Request{Namesake: &bob}); r.Namesake.Person != bob.ID.String() {
		t.Errorf("a request of a namesake: %v", r)
	}
	if r, err := client.Newcomers(ctx, &earshotv1.NewcomersRequest{Who: "Cleo"}); err != nil || len(r.Newcomers) != 1 ||
		r.Newcomers[0].Person.Name != "Cleo" || r.Newcomers[0].Since.GetSeconds() != 1700000000 || r.Contact.Person != bob.ID.String() || r.More != 5 {
		t.Errorf("newcomers: %v, %v", r, err)
	}
	r, err := client.ReplaceContact(ctx, &earshotv1.ReplaceContactRequest{Old: "a", New: "b", Words: "c", Unverified: true, Resend: true})
	if err != nil || r.Person.Person != bob.ID.String() || r.Old.Name != "Cleo" || r.Groups[0].Id != "a" || r.Others[0].Id != "b" || r.Waiting != 3 || r.Resent != 4 || r.Lost[0].Group.Id != "a" || r.Lost[0].Role != "admin" {
		t.Errorf("replaced: %v, %v", r, err)
	}
	if want := (chat.Replacement{Old: "a", New: "b", Words: "c", Unverified: true, Resend: true}); fake.asked != want {
		t.Errorf("asked: %+v", fake.asked)
	}
	if r, err := client.RemoveContact(ctx, &earshotv1.RemoveContactRequest{Who: "a"}); err != nil || r.Person.Person != bob.ID.String() || r.Waiting != 2 {
		t.Errorf("removed: %v, %v", r, err)
	}
	for err, want := range map[error]string{contacts.ErrNotContact: localapi.CodeNotContact, contacts.ErrSamePerson: localapi.CodeSelf} {
		fake.err = err
		if _, err := client.ReplaceContact(ctx, &earshotv1.ReplaceContactRequest{}); code(err) != want {
			t.Errorf("%v: %q, want %q", err, code(err), want)
		}
	}
}
