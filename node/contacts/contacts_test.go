package contacts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// The names that the owner has chosen mean one each, however they are written.
func TestNameIsTaken(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, cleo := d.meets("Bob"), d.meets("Cleo")
	d.befriends(bob)
	petname := func(who *somebody, name string) error {
		_, err := d.Accept(ctx, who.id().String(), name)
		return err
	}
	taken := func(what string, err error, by *somebody) {
		t.Helper()
		var is *NameTakenError
		if !errors.As(err, &is) || is.By == nil || is.By.ID != by.id() {
			t.Errorf("%s: %v", what, err)
		}
	}
	taken("a look-alike of a contact's name", petname(cleo, "ВОВ"), bob)
	if err := petname(bob, "Cleo"); err != nil {
		t.Errorf("a stranger's claim takes a name: %v", err)
	}
	if err := petname(bob, "Bob"); err != nil {
		t.Errorf("a person's own name is taken: %v", err)
	}
	_, err := d.NameContact(ctx, "Bob", "Bobby", false)
	d.check(err)
	_, err = d.NameContact(ctx, "Cleo", "bobby", false)
	taken("two persons with one petname", err, bob)
	taken("a petname that is a contact's name", petname(cleo, "Bob"), bob)
	_, err = d.NameContact(ctx, "Cleo", "Bob", false)
	taken("a petname that takes a contact's name in silence", err, bob)
	_, err = d.NameContact(ctx, "Cleo", "bobby", true)
	taken("two persons with one petname, though the owner wants it", err, bob)
	if _, err := d.NameContact(ctx, "Bob", "bobby", false); err != nil {
		t.Errorf("another spelling of the same petname: %v", err)
	}
	if _, err := d.NameContact(ctx, "Bob", "a\nb", false); err == nil {
		t.Error("a petname of two lines")
	}
	d.makes("Lunch")
	var is *NameTakenError
	for what, err := range map[string]error{"accept": petname(cleo, "lunch"), "name": func() error { _, err := d.NameContact(ctx, "Cleo", "lunch", false); return err }()} {
		if !errors.As(err, &is) || is.Group == nil || is.Group.Name != "Lunch" {
			t.Errorf("%s: a petname that is a group's name: %v", what, err)
		}
	}
	for _, name := range []string{"Bob", "lunch"} { // the owner wants it
		if _, err := d.NameContact(ctx, "Cleo", name, true); err != nil {
			t.Errorf("taken from another: %v", err)
		}
		if p, err := d.Resolve(ctx, name); err != nil || p.ID != cleo.id() {
			t.Errorf("%q means %v, %v", name, p, err)
		}
		d.check(d.people.Update(ctx, cleo.id(), func(p *book.Person) error { p.Petname, p.Contact, p.Pinned = "", false, ""; return nil }))
	}
}

// Whoever the owner writes to is pinned under the name of now, unless that is somebody else's.
func TestBefriend(t *testing.T) {
	d := newDesk(t)
	bob, other, nameless := d.meets("Bob"), d.meets("bob"), d.meets("")
	if p := d.befriends(bob); !p.Contact || p.Pinned != "Bob" || d.changes != 1 {
		t.Errorf("befriended: %+v, told of %d changes", p, d.changes)
	}
	if p := d.befriends(other); !p.Contact || p.Pinned != "" {
		t.Errorf("another of that name: %+v", p)
	}
	if p := d.befriends(nameless); !p.Contact || p.Pinned != "" {
		t.Errorf("one without a name: %+v", p)
	}
	d.check(d.people.Rename(t.Context(), bob.id(), "Rob"))
	if p := d.befriends(bob); p.Pinned != "Bob" || p.Name != "Rob" {
		t.Errorf("befriended again, under another name: %+v", p)
	}
}

// Accepting makes a contact and lets in what they wrote. A name that is taken needs a petname.
func TestAccept(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, other, cleo := d.meets("Bob"), d.meets("Bob"), d.meets("Cleo")
	d.befriends(bob)
	d.asks(other, "may I?")
	if r, err := d.Requests(ctx); err != nil || len(r) != 1 || r[0].Person != other.id() || r[0].Name != "Bob" || r[0].Device != other.key.ID() || r[0].Text != "may I?" {
		t.Errorf("requests: %+v, %v", r, err)
	}
	if _, err := d.Accept(ctx, other.id().String(), ""); !errors.As(err, new(*NameTakenError)) || len(d.ingested) != 0 || d.Person(other.id()).Contact {
		t.Errorf("accepted under a contact's name: %v", err)
	}
	if p, err := d.Accept(ctx, other.id().String(), "Robert"); err != nil || !p.Contact || p.Petname != "Robert" || p.Pinned != "" {
		t.Errorf("accepted as %+v, %v", p, err)
	}
	if !slices.Equal(d.ingested, []string{"may I?"}) || len(d.requests()) != 0 {
		t.Errorf("let in: %q, waiting: %q", d.ingested, d.requests())
	}
	if p := d.befriends(other); p.Petname != "Robert" {
		t.Errorf("written to, and called %q", p.Petname)
	}
	for range 2 { // without a request, and as a contact
		if p, err := d.Accept(ctx, "Cleo", ""); err != nil || !p.Contact || p.Pinned != "Cleo" {
			t.Errorf("accepted as %+v, %v", p, err)
		}
	}
	if _, err := d.Block(ctx, "Cleo"); err != nil {
		t.Error(err)
	}
	if _, err := d.Accept(ctx, cleo.id().String(), ""); !errors.Is(err, ErrBlocked) {
		t.Errorf("somebody who is blocked: %v", err)
	}
	if len(d.ingested) != 1 {
		t.Errorf("let in: %q", d.ingested)
	}
}

// Blocking throws away what waits, and is no end of being a contact.
func TestBlock(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob := d.meets("Bob")
	d.asks(bob, "may I?")
	d.invites(bob, "lunch")
	if texts := d.requests(); len(texts) != 2 || d.asked != 1 {
		t.Errorf("waiting: %q, told %d times", texts, d.asked)
	}
	d.changes = 0
	if p, err := d.Block(ctx, "Bob"); err != nil || !p.Blocked || p.Contact || d.changes != 1 {
		t.Errorf("blocked: %+v, %v, told of %d changes", p, err, d.changes)
	}
	d.invites(bob, "dinner")
	if texts := d.requests(); len(texts) != 0 || d.asked != 1 {
		t.Errorf("waiting: %q, told %d times", texts, d.asked)
	}
	if all, _ := d.Contacts.Contacts(ctx); len(all) != 1 || all[0].ID != bob.id() {
		t.Errorf("contacts: %v", all)
	}
	if p, err := d.Unblock(ctx, "Bob"); err != nil || p.Blocked || d.changes != 2 {
		t.Errorf("unblocked: %+v, %v, told of %d changes", p, err, d.changes)
	}
	if all, _ := d.Contacts.Contacts(ctx); len(all) != 0 {
		t.Errorf("contacts: %v", all)
	}
	d.befriends(bob)
	if p, err := d.Block(ctx, "Bob"); err != nil || !p.Blocked || !p.Contact {
		t.Errorf("a contact, blocked: %+v, %v", p, err)
	}
}

// The groups into which somebody would bring the owner are accepted with that person, and forgotten
// when they are blocked; however somebody has become a contact.
func TestInvitationsGoWithTheirAuthor(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, cleo, dora := d.meets("Bob"), d.meets("Cleo"), d.meets("Dora")
	lunch, dinner, retro, ops := d.invites(bob, "lunch"), d.invites(bob, "dinner"), d.invites(cleo, "retro"), d.invites(dora, "ops")
	if texts := d.requests(); len(texts) != 4 || len(d.groups.Arriving()) > 0 {
		t.Errorf("waiting: %q", texts)
	}
	if _, err := d.Accept(ctx, "Bob", ""); err != nil || !d.arrives(lunch) || !d.arrives(dinner) || d.arrives(retro) || d.arrives(ops) {
		t.Errorf("when Bob is accepted %d are arriving, %v", len(d.groups.Arriving()), err)
	}
	d.befriends(cleo)
	if _, err := d.Block(ctx, "Dora"); err != nil || !d.arrives(retro) || d.arrives(ops) {
		t.Errorf("when Cleo is written to and Dora blocked: %v", err)
	}
	if texts := d.requests(); len(texts) != 0 {
		t.Errorf("waiting: %q", texts)
	}
	if _, err := d.Unfriend(ctx, "Bob"); err != nil || !d.arrives(lunch) {
		t.Errorf("what was accepted is not when Bob is no contact any more: %v", err)
	}
	if d.invites(bob, "tea"); len(d.requests()) != 1 {
		t.Error("somebody who is no contact any more brings the owner in")
	}
	if tea := d.invites(cleo, "tea"); !d.arrives(tea) || len(d.requests()) != 1 {
		t.Error("a contact has to ask")
	}
}

// An invitation that waits says to which group, and has no text: words for people are made where
// they are printed. A name that nobody can print is left out.
func TestInvitationIsNoText(t *testing.T) {
	d := newDesk(t)
	bob := d.meets("Bob")
	lunch, odd := d.invites(bob, "lunch"), d.invites(bob, "\u202e")
	all, err := d.Requests(t.Context())
	d.check(err)
	names := map[string]string{}
	for _, r := range all {
		if r.Text != "" || r.Group == nil || r.Group.Kind != "group" || r.Person != bob.id() || r.Members != 3 || r.Received.IsZero() || r.Device != bob.key.ID() {
			t.Fatalf("%+v", r)
		}
		names[r.Group.ID] = r.Group.Name
	}
	if names[lunch.String()] != "lunch" || names[odd.String()] != "" {
		t.Errorf("groups %v", names)
	}
}

// The words must be the ones that both see.
func TestVerify(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob := d.meets("Bob")
	words, p, err := d.SafetyWords(ctx, "Bob")
	if err != nil || p.ID != bob.id() || words != crypto.SafetyWords(bob.id(), d.self) {
		t.Errorf("%q with %v, %v", words, p.ID, err)
	}
	if _, err := d.Verify(ctx, "Bob", "ten other words", ""); !errors.Is(err, ErrWords) || d.Person(bob.id()).Contact {
		t.Errorf("other words: %v", err)
	}
	if p, err := d.Verify(ctx, "Bob", strings.Join(words[:], " "), ""); err != nil || !p.Verified || !p.Contact || p.Pinned != "Bob" {
		t.Errorf("the same words: %+v, %v", p, err)
	}
}

// Whom a name means, and what is said where it means nobody, several, or the owner.
func TestWhoIsMeant(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, other, ann := d.meets("Bob"), d.meets("Bob"), d.meets("Ann")
	unknown := crypto.PersonID{9}
	g := d.makes("Lunch", bob)
	for _, who := range []string{"Cleo", "", unknown.String()} {
		if _, err := d.Resolve(ctx, who); !errors.As(err, new(*people.UnknownError)) {
			t.Errorf("%q: %v", who, err)
		}
	}
	var several *AmbiguousError
	if _, err := d.Resolve(ctx, "bob"); !errors.As(err, &several) || len(several.Candidates) != 2 {
		t.Errorf("two Bobs: %v", err)
	}
	if p, err := d.Resolve(ctx, other.id().String()); err != nil || p.ID != other.id() {
		t.Errorf("a whole ID: %v", err)
	}
	if p, err := d.Resolve(ctx, "Ann"); err != nil || p.ID != ann.id() {
		t.Errorf("another of the owner's name: %v", err)
	}
	d.check(d.owner.SetName(ctx, "Anna"))
	for _, who := range []string{"Anna", d.self.String(), "Anna (you)"} {
		if _, err := d.Resolve(ctx, who); !errors.Is(err, ErrSelf) {
			t.Errorf("%q: %v", who, err)
		}
	}
	if c, p, err := d.Conversation(bob.id().String()); err != nil || p == nil || p.ID != bob.id() || c != event.Direct(d.self, bob.id()) {
		t.Errorf("the conversation with Bob: %v, %v", p, err)
	}
	for _, who := range []string{"lunch", "#Lunch", g.String(), "#" + g.String()} {
		if c, p, err := d.Conversation(who); err != nil || p != nil || c != g {
			t.Errorf("%q: %v, %v", who, p, err)
		}
		if c, err := d.ConversationOf(who); err != nil || c != g {
			t.Errorf("%q, to read: %v", who, err)
		}
	}
	if c, err := d.ResolveGroup("Lunch"); err != nil || c != g {
		t.Errorf("the group: %v", err)
	}
	if _, err := d.ResolveGroup(bob.id().String()); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("a person as a group: %v", err)
	}
	// Whoever only reads needs nobody to be known.
	if c, err := d.ConversationOf(unknown.String()); err != nil || c != event.Direct(d.self, unknown) {
		t.Errorf("the conversation with somebody unknown: %v", err)
	}
	if id, err := d.PersonOf(unknown.String()); err != nil || id != unknown {
		t.Errorf("somebody unknown: %v", err)
	}
	if id, err := d.PersonOf("Ann"); err != nil || id != ann.id() {
		t.Errorf("Ann: %v", err)
	}
}

// A contact who takes another name is found by the one that the owner knows, and whoever types the
// other is told which that is. She gets nobody's name by it.
func TestRenamedContactIsKnownByTheOldName(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, cleo, twin := d.meets("Bob"), d.meets("Cleo"), d.meets("bob")
	renamed := func(who string, want ...*somebody) string {
		t.Helper()
		var is *RenamedError
		_, err := d.Resolve(ctx, who)
		if !errors.As(err, &is) || len(is.Persons) != len(want) {
			t.Fatalf("%q: %v", who, err)
		}
		for _, w := range want {
			if !slices.ContainsFunc(is.Persons, func(p Person) bool { return p.ID == w.id() }) {
				t.Errorf("%q: %+v", who, is.Persons)
			}
		}
		return err.Error()
	}
	d.befriends(bob)
	d.check(d.people.Rename(ctx, bob.id(), "Robert"))
	if text := renamed("robert", bob); text != `"robert" is known here as "Bob"` {
		t.Error(text)
	}
	if _, err := d.Member(&authority.State{}, "Robert"); !errors.As(err, new(*RenamedError)) {
		t.Errorf("a member: %v", err)
	}
	if _, err := d.ResolveGroup("Robert"); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("a group: %v", err)
	}
	if p, err := d.Resolve(ctx, "Bob"); err != nil || p.ID != bob.id() || p.KnownAs() != "Bob" || p.Shown() != "Bob" || p.Name != "Robert" {
		t.Errorf("Bob: %+v, %v", p, err)
	}
	d.befriends(cleo)
	_, err := d.NameContact(ctx, "Cleo", "Cleopatra", false)
	d.check(err)
	d.check(d.people.Rename(ctx, cleo.id(), "Robert"))
	renamed("Robert", bob, cleo)
	stranger := d.meets("Robert")
	if p, err := d.Resolve(ctx, "Robert"); err != nil || p.ID != stranger.id() {
		t.Errorf("a stranger of that name: %v, %v", p, err)
	}
	// A contact who could not be pinned is known by ID only.
	d.befriends(twin)
	d.check(d.people.Update(ctx, bob.id(), func(p *book.Person) error { p.Pinned = "Robert"; return nil }))
	if text := renamed("Bob", twin); text != `"Bob" is what a contact calls themselves, whom you know only by ID` {
		t.Error(text)
	}
}

// Whoever mistypes a name is told what it may have been.
func TestMistypedName(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	cleo, bob := d.meets("Cleopatra"), d.meets("Bob")
	d.befriends(cleo)
	d.befriends(bob)
	d.check(d.people.Rename(ctx, bob.id(), "Clxopatra")) // is not found by that
	d.makes("Lunch")
	d.meets("Marek")
	for range 5 {
		d.meets("Cleopatre") // strangers come after contacts
	}
	for i := range 4 {
		d.meets("Zachari" + string(rune('a'+i)))
	}
	for who, want := range map[string][]string{
		"cleopatrra": {"Cleopatra", "Cleopatre"},
		"Cleoptara":  {"Cleopatra", "Cleopatre"},
		"Cleopatrre": {"Cleopatra", "Cleopatre"}, // though the other is nearer
		"Cleopxxxx":  nil,
		"BOP":        {"Bob"},
		"Bx":         nil,
		"Lnuch":      {"#Lunch"},
		"#lunh":      {"#Lunch"},
		"#Bop":       nil,
		"Mark":       {"Marek"},
		"Zachary":    {"Zacharia", "Zacharib", "Zacharic"},
		"a\nb":       nil,
		"":           nil,
	} {
		var unknown *people.UnknownError
		if _, _, err := d.Conversation(who); !errors.As(err, &unknown) || unknown.Who != who || !slices.Equal(unknown.Near, want) {
			t.Errorf("%q: %v, near %q, want %q", who, err, unknown.Near, want)
		}
		claims := 0 // those that no contact and no group has
		for _, name := range want {
			if !slices.Contains([]string{"Cleopatra", "Bob", "#Lunch"}, name) {
				claims++
			}
		}
		if unknown.Claims != claims {
			t.Errorf("%q: %d of %q are claims", who, unknown.Claims, want)
		}
	}
}

// An ID means its person however it is spelt: whole and in capitals, in short, or that of a device.
func TestPrintedIDCanBeTyped(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob, unknown := d.meets("Bob"), crypto.PersonID{0xab}
	d.meets("Bob")
	g := d.makes("Lunch", bob)
	upper := func(id fmt.Stringer) string { return strings.ToUpper(id.String()) }
	for _, who := range []string{upper(bob.id()), bob.id().String()[:8], upper(bob.id())[:20], bob.key.ID().String()} {
		if p, err := d.Resolve(ctx, who); err != nil || p.ID != bob.id() {
			t.Errorf("%q: %v", who, err)
		}
		if id, err := d.PersonOf(who); err != nil || id != bob.id() {
			t.Errorf("%q, to read: %v", who, err)
		}
		if c, err := d.ConversationOf(who); err != nil || c != event.Direct(d.self, bob.id()) {
			t.Errorf("the conversation with %q: %v", who, err)
		}
		state, _ := d.groups.State(g)
		if id, err := d.Member(state, who); err != nil || id != bob.id() {
			t.Errorf("the member %q: %v", who, err)
		}
	}
	for _, who := range []string{upper(d.self), d.self.String()[:8], d.store.Own().Device.ID().String()} {
		if _, err := d.Resolve(ctx, who); !errors.Is(err, ErrSelf) {
			t.Errorf("%q: %v", who, err)
		}
	}
	if id, err := d.PersonOf(upper(unknown)); err != nil || id != unknown {
		t.Errorf("somebody unknown: %v", err)
	}
	if c, err := d.ConversationOf(upper(unknown)); err != nil || c != event.Direct(d.self, unknown) {
		t.Errorf("the conversation with somebody unknown: %v", err)
	}
	if c, err := d.ResolveGroup("#" + upper(g)); err != nil || c != g {
		t.Errorf("the group: %v", err)
	}
	if _, err := d.Resolve(ctx, newKey(t).ID().String()); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("an unknown device: %v", err)
	}
	if _, err := d.ResolveGroup(bob.key.ID().String()); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("a device as a group: %v", err)
	}
	// Of a member nothing may be known but the ID.
	state := &authority.State{Members: []authority.Member{{Person: unknown}}}
	for _, who := range []string{upper(unknown), upper(unknown)[:8], "(not a contact yet " + unknown.String()[:8] + ")"} {
		if id, err := d.Member(state, who); err != nil || id != unknown {
			t.Errorf("the unknown member %q: %v", who, err)
		}
	}
}

// Of several who have a name equally, in a group the members are meant. A name that is settled
// means whom it means everywhere.
func TestMember(t *testing.T) {
	d := newDesk(t)
	bob, other := d.meets("Bob"), d.meets("Bob")
	state, err := d.groups.State(d.makes("Lunch", bob))
	d.check(err)
	member := func(who string) crypto.PersonID {
		t.Helper()
		id, err := d.Member(state, who)
		d.check(err)
		return id
	}
	if member("Bob") != bob.id() || member(bob.id().String()) != bob.id() || member("Ann") != d.self {
		t.Error("not the members")
	}
	if _, err := d.Member(state, "Cleo"); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := d.Member(state, other.id().String()); !errors.Is(err, ErrNotMember) {
		t.Errorf("by ID one who is no member: %v", err)
	}
	d.check(d.people.Update(t.Context(), other.id(), func(p *book.Person) error { p.Petname, p.Contact = "Bob", true; return nil }))
	if _, err := d.Member(state, "Bob"); !errors.Is(err, ErrNotMember) {
		t.Errorf("a petname of one who is no member: %v", err)
	}
}
