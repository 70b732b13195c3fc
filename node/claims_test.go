package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// contact says whether m knows somebody as a contact.
func (m *machine) contact(o *machine) bool {
	them, _ := m.people.Get(o.who.person)
	return them.Contact
}

// A stranger who calls himself as a group of the owner's got what was said to the group, and was a
// contact from then on.
func TestStrangerNamedLikeMyGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, 31, func(t *testing.T, w *world) {
		all := w.people("Ann", "ops")
		ann, mallory := all[0], all[1]
		ann.meets(soon, mallory)
		g := ann.makes("ops")
		to := func(who string, want event.Conversation) {
			t.Helper()
			sent, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: who, Text: "secret"})
			if err != nil || sent.Conversation != want {
				t.Errorf("to %s: %v, %v", who, sent.To, err)
			}
			target, err := ann.Contacts().Target(t.Context(), who, "")
			if err != nil || target.ID != want.String() {
				t.Errorf("%s means %v, %v", who, target, err)
			}
			if history, err := ann.Messages().History(t.Context(), who, chat.HistoryRange{Limit: 1}); err != nil || len(history) != 1 || history[0].Conversation != want {
				t.Errorf("history of %s: %v, %v", who, history, err)
			}
		}
		for _, who := range []string{"ops", "#ops", "OPS", "оps"} { // the last with a Cyrillic о
			to(who, g)
		}
		if ann.contact(mallory) {
			t.Error("the stranger has become a contact")
		}
		if _, err := ann.Groups().Leave(t.Context(), "ops"); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "ops", Text: "secret"}); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("to a group that Ann has left: %v", err)
		}
		if history, err := ann.Messages().History(t.Context(), "ops", chat.HistoryRange{Limit: 100}); err != nil || len(history) != 4 {
			t.Errorf("history of a group that Ann has left: %v, %v", history, err)
		}
		if ann.contact(mallory) || len(mallory.words(ann, ann)) > 0 {
			t.Error("the stranger has got something")
		}
		// Who is written to by ID is known, but the name is not theirs.
		other := ann.makes("ops")
		ann.say(mallory, "who are you?")
		to("ops", other)
		var taken *contacts.NameTakenError
		if _, err := ann.Contacts().Accept(t.Context(), mallory.who.person.String(), ""); !errors.As(err, &taken) || taken.Group == nil || taken.Group.ID != other {
			t.Errorf("accepted under the name of a group: %v", err)
		}
		if p, err := ann.Contacts().Accept(t.Context(), mallory.who.person.String(), "Mal"); err != nil || p.Petname != "Mal" {
			t.Errorf("accepted with a petname: %v, %v", p, err)
		}
	})
}

// Anybody can ask the owner into a group that is called as somebody whom they know, or as another
// group. That changes nothing for any name.
func TestStrangersGroupNamedLikeMyContact(t *testing.T) {
	t.Parallel()
	inWorld(t, 32, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Mallory")
		ann, bob, mallory := all[0], all[1], all[2]
		ann.meets(soon, bob, mallory)
		ann.say(bob, "hello")
		own := ann.makes("ops")
		var zoo event.Conversation
		for _, name := range []string{"Bob", "ops", "opz", "zoo"} {
			zoo = mallory.makes(name)
			mallory.asks(zoo, ann)
			ann.invited(mallory, zoo)
		}
		sent := func(who string) chat.Message {
			t.Helper()
			m, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: who, Text: "secret"})
			if err != nil {
				t.Fatalf("to %s: %v", who, err)
			}
			return m
		}
		if m := sent("Bob"); m.To.ID != bob.who.person.String() {
			t.Errorf("to Bob: %v", m.To)
		}
		for _, who := range []string{"ops", "#ops"} {
			if m := sent(who); m.Conversation != own {
				t.Errorf("to %s: %v", who, m.To)
			}
		}
		for _, who := range []string{"#zoo", "#opz", "#" + zoo.String(), "#" + zoo.String()[:idPrefix]} {
			_, err := ann.Groups().Group(t.Context(), who)
			unknown := new(people.UnknownError)
			if !errors.As(err, &unknown) || slices.ContainsFunc(unknown.Near, func(name string) bool { return name != "#ops" }) {
				t.Errorf("%s: %v", who, err)
			}
		}
		// What she has accepted is hers as well.
		if _, err := ann.Contacts().Accept(t.Context(), mallory.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "she is in", func() bool { return ann.role(zoo) != "" })
		var several *contacts.AmbiguousError
		w.within(soon, "there are two", func() bool {
			_, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "ops", Text: "which?"})
			return errors.As(err, &several) && len(several.Groups) == 2
		})
		w.within(soon, "there are a contact and a group", func() bool {
			_, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "Bob", Text: "which?"})
			return errors.As(err, &several) && len(several.Groups) == 1 && len(several.Candidates) == 1
		})
		if _, err := ann.Contacts().Block(t.Context(), "Bob"); err != nil {
			t.Errorf("only persons can be blocked: %v", err)
		}
	})
}

// Brought in again by a stranger after she had left, Ann is not in, and is asked anew.
func TestStrangerBringsNobodyBack(t *testing.T) {
	t.Parallel()
	inWorld(t, 33, func(t *testing.T, w *world) {
		all := w.people("Ann", "Mallory")
		ann, mallory := all[0], all[1]
		ann.meets(soon, mallory)
		g := mallory.makes("zoo", ann)
		if _, err := ann.Contacts().Unfriend(t.Context(), mallory.who.person.String()); err != nil {
			t.Fatal(err)
		}
		ann.stop()
		ann.start(mallory.address())
		if ann.role(g) == "" {
			t.Error("not in any more since Mallory is no contact any more")
		}
		if _, err := ann.Groups().Leave(t.Context(), g.String()); err != nil {
			t.Fatal(err)
		}
		mallory.members(g, 1)
		mallory.asks(g, ann)
		if r := ann.invited(mallory, g); r.Group.Name != "zoo" || r.Members != 2 {
			t.Errorf("asked %+v", r)
		}
		mallory.tell(g, "you are back")
		time.Sleep(time.Minute)
		if ann.role(g) != "" || len(ann.heard(g)) > 0 {
			t.Errorf("she is %q, and hears %q", ann.role(g), ann.heard(g))
		}
		if _, err := ann.Contacts().Accept(t.Context(), mallory.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "she is in again", func() bool { return ann.role(g) != "" })
		ann.hears(g, "you are back")
	})
}

// A member of a group calls himself as a contact who is not in it.
func TestStrangerInGroupNamedLikeMyContact(t *testing.T) {
	t.Parallel()
	inWorld(t, 34, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Mallory", "Cleo")
		ann, bob, mallory, cleo := all[0], all[1], all[2], all[3]
		ann.meets(soon, bob, mallory, cleo)
		ann.say(bob, "hello")
		g := ann.makes("lunch", mallory, cleo)
		if err := mallory.Owner().SetName(t.Context(), "Bob"); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Ann hears his name", func() bool {
			them, _ := ann.people.Get(mallory.who.person)
			return them.Claimed == "Bob"
		})
		if _, err := ann.Groups().SetRole(t.Context(), "lunch", "Bob", membership.RoleOwner); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("Bob is made an owner: %v", err)
		}
		if _, err := ann.Groups().SetRole(t.Context(), "lunch", bob.who.person.String(), membership.RoleOwner); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("Bob is made an owner by ID: %v", err)
		}
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("Bob is removed: %v", err)
		}
		for text, want := range map[string][]crypto.PersonID{
			"@Bob?":            nil,
			"@Cleo and @Bob":   {cleo.who.person},
			"@Ann at one":      nil,
			"no@Cleo here, no": nil,
		} {
			if sent := ann.tell(g, text); !slices.Equal(sent.Mentions, want) {
				t.Errorf("%q mentions %v, want %v", text, sent.Mentions, want)
			}
		}
		ann.invites(g, bob)
		if sent := ann.tell(g, "@Bob!"); !slices.Equal(sent.Mentions, []crypto.PersonID{bob.who.person}) {
			t.Errorf("with Bob in the group, he is not mentioned: %v", sent.Mentions)
		}
		if _, err := ann.Groups().SetRole(t.Context(), "lunch", "Bob", membership.RoleAdmin); err != nil || bob.who.person == mallory.who.person {
			t.Errorf("Bob is made an admin: %v", err)
		}
		members, err := ann.Groups().Members(t.Context(), "lunch")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if (m.Role == membership.RoleAdmin) != (m.ID == bob.who.person) {
				if m.Role != membership.RoleOwner {
					t.Errorf("%v is %s", m.ID, m.Role)
				}
			}
		}
		// By ID, whoever it is; of strangers of one name, the member.
		other := w.people("Cleo")[0]
		ann.meets(soon, other)
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Cleo"); err != nil {
			t.Errorf("the one Cleo in the group: %v", err)
		}
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Cleo"); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("no Cleo in the group: %v", err)
		}
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", mallory.who.person.String()); err != nil {
			t.Errorf("by ID: %v", err)
		}
		if _, err := ann.Groups().SetRole(t.Context(), "lunch", "Nobody", membership.RoleAdmin); !errors.As(err, new(*people.UnknownError)) {
			t.Errorf("nobody: %v", err)
		}
		if _, err := ann.Groups().SetRole(t.Context(), "lunch", "Ann", membership.RoleMember); errors.As(err, new(*people.UnknownError)) {
			t.Errorf("herself: %v", err)
		}
	})
}

// What can't be sent makes nobody a contact.
func TestFailedSendMakesNoContact(t *testing.T) {
	t.Parallel()
	inWorld(t, 35, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		for text, want := range map[string]error{"": chat.ErrEmpty, "a\xff": chat.ErrText, strings.Repeat("x", event.MaxText+1): chat.ErrTooLong} {
			if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "Bob", Text: text}); !errors.Is(err, want) {
				t.Errorf("sent: %v", err)
			}
		}
		if ann.contact(bob) {
			t.Error("Bob is a contact")
		}
		sent, err := ann.Messages().SendAll(t.Context(), []chat.Outgoing{{To: "Bob", Text: "hello"}, {To: "Bob"}})
		if !errors.Is(err, chat.ErrEmpty) || len(sent) != 1 || !ann.contact(bob) {
			t.Errorf("of two, the first can be sent: %d, %v", len(sent), err)
		}
	})
}

// Whole IDs mean whose they are, and one's own is no one to write to.
func TestWholeIDs(t *testing.T) {
	t.Parallel()
	inWorld(t, 36, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch")
		for who, want := range map[string]string{
			bob.who.person.String():                  bob.who.person.String(),
			strings.ToUpper(bob.who.person.String()): bob.who.person.String(),
			g.String():                               g.String(),
			"#" + g.String():                         g.String(),
		} {
			if target, err := ann.Contacts().Target(t.Context(), who, ""); err != nil || target.ID != want {
				t.Errorf("%s: %v, %v", who, target, err)
			}
		}
		for who, want := range map[string]error{
			ann.who.person.String():       contacts.ErrSelf,
			"Ann":                         contacts.ErrSelf,
			"#" + ann.who.person.String(): nil,
			"#" + bob.who.person.String(): nil,
			crypto.PersonID{1}.String():   nil,
		} {
			_, err := ann.Contacts().Target(t.Context(), who, "")
			if unknown := new(people.UnknownError); want == nil && !errors.As(err, &unknown) || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", who, err, want)
			}
		}
		other := w.people("Ann")[0]
		ann.meets(soon, other)
		if target, err := ann.Contacts().Target(t.Context(), "Ann", ""); err != nil || target.ID != other.who.person.String() {
			t.Errorf("the other Ann: %v, %v", target, err)
		}
		if _, err := ann.Contacts().Resolve(t.Context(), g.String()); !errors.As(err, new(*people.UnknownError)) {
			t.Errorf("a group where a person is asked for: %v", err)
		}
	})
}
