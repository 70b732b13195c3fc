package server

import (
	"testing"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
)

// The name by which the owner knows somebody comes with everything that says who they are.
func TestKnownAsIsTold(t *testing.T) {
	robert := contacts.Person{ID: bob.ID, Name: "Robert", Pinned: "Bob", Contact: true}
	if p := person(robert); p.KnownAs != "Bob" || p.Name != "Robert" || p.Petname != "" {
		t.Errorf("person: %v", p)
	}
	robert.Petname = "Bobby"
	if p := person(robert); p.KnownAs != "Bobby" || p.Pinned != "Bob" {
		t.Errorf("person with a petname: %v", p)
	}
	if p := person(contacts.Person{Name: "Robert"}); p.KnownAs != "" {
		t.Errorf("stranger: %v", p)
	}
	if p := peer(node.Peer{Name: "Robert", KnownAs: "Bob"}); p.KnownAs != "Bob" {
		t.Errorf("peer: %v", p)
	}
	if m := message(chat.Message{From: chat.Author{Name: "Robert", KnownAs: "Bob"}}); m.From.KnownAs != "Bob" {
		t.Errorf("author: %v", m.From)
	}
}
