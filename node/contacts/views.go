package contacts

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// Person is somebody whom this node knows of, as the owner sees them.
type Person struct {
	ID       crypto.PersonID
	Name     string // what the person calls themselves
	Petname  string // what the owner calls them
	Pinned   string // the name they had when they became a contact
	Contact  bool
	Verified bool
	Blocked  bool
	Online   bool
	Away     bool // online, and has not looked at a screen for a while, as their node says
	Devices  []crypto.DeviceID
	LastSeen time.Time // when a device of theirs was last connected; zero: never, or they are online
}

// KnownAs returns the name that the owner has for somebody: the one that is shown, and that means
// them wherever it is typed. It is "" for a stranger, whom what they call themselves means, and for
// a contact who can be named only by ID.
func (p *Person) KnownAs() string { return KnownAs(p.Petname, p.Pinned) }

// KnownAs is Person.KnownAs of whoever has this petname and this pinned name.
func KnownAs(petname, pinned string) string { return cmp.Or(petname, pinned) }

// Shown returns the name by which the owner sees somebody.
func (p *Person) Shown() string { return cmp.Or(p.KnownAs(), p.Name) }

// Target is where a message goes.
type Target struct {
	Kind string // "person" or "group"
	ID   string
	Name string // of a person as Person.Shown; of a group "" if no name can be like what it is called
	// Alike says of a group that another one which is known here has a name that looks the same.
	Alike bool
}

// What newcomers to a group may read of what was said before they came: nothing, everything, or the
// last so many days ("7d").
const (
	HistoryJoined = "joined"
	HistoryAll    = "all"
)

// Where a group is that the owner is not in yet.
const (
	StateArriving = "arriving" // who is in it lets them in when one of them is met
	StateVoid     = "void"     // the same, but by what a member says the invitation doesn't count
)

// Group is a group that the owner is or was in, or that is arriving.
type Group struct {
	ID        event.Conversation
	Name      string // as in Target
	Alike     bool   // as in Target
	Topic     string
	History   string // HistoryJoined, HistoryAll or a number of days as "7d"
	Role      string // the owner's; empty: not in it any more
	Members   int    // persons in it
	Online    int    // members who are connected now, the owner included
	Joined    time.Time
	InvitedBy *Person // nil where the owner made it
	State     string  // StateArriving or StateVoid: then Joined is since when, and Name and Members are what was said of it
	Hidden    bool    // the owner doesn't want it in lists
	Frozen    bool    // somebody's newer program has changed it in a way that this one can't follow
}

// view is a person as the owner sees them.
func (n *Names) view(p *people.Person) Person {
	v := Person{ID: p.ID, Name: p.Claimed, Petname: p.Petname, Pinned: p.Pinned, Contact: p.Contact,
		Verified: p.Verified, Blocked: p.Blocked, Online: n.cfg.Presence.Here(p.ID), Devices: p.Parsed.Devices()}
	v.Away = v.Online && n.cfg.Away != nil && n.cfg.Away(p.ID)
	if !v.Online {
		v.LastSeen = n.cfg.People.LastSeenAny(p)
	}
	return v
}

// Person returns what is known of somebody, which may be nothing but the ID.
func (n *Names) Person(id crypto.PersonID) Person {
	p, ok := n.cfg.People.Get(id)
	if !ok {
		return Person{ID: id}
	}
	v := n.view(&p)
	if id == n.self {
		v.Name = n.cfg.Owner.Name()
	}
	return v
}

// With returns the other person of a direct conversation.
func (n *Names) With(c event.Conversation) (Person, bool) {
	p, ok := n.cfg.People.In(c)
	if !ok {
		return Person{}, false
	}
	return n.view(&p), true
}

// others returns everyone but the owner, by ID.
func (n *Names) others() []Person {
	var out []Person
	for _, p := range n.cfg.People.All() {
		if p.ID != n.self {
			out = append(out, n.view(&p))
		}
	}
	return out
}

// Group returns a group as the owner sees it.
func (n *Names) Group(c event.Conversation) (Group, error) {
	state, err := n.cfg.Groups.State(c)
	if err != nil {
		return Group{}, err
	}
	hidden, err := n.cfg.Store.Hidden(c)
	if err != nil {
		return Group{}, err
	}
	g := Group{ID: c, Name: n.GroupName(state.Name), Alike: n.Alike(c), Hidden: hidden, Topic: state.Topic, History: HistoryText(state.History),
		Members: len(state.Members), Frozen: state.Frozen}
	for _, m := range state.Members {
		if m.Person == n.self {
			g.Online++
			g.Role = m.Role.String()
			g.Joined = time.UnixMilli(m.JoinedClock)
			if m.InvitedBy != n.self {
				by := n.Person(m.InvitedBy)
				g.InvitedBy = &by
			}
		} else if n.cfg.Presence.Here(m.Person) {
			g.Online++
		}
	}
	return g, nil
}

// Arriving returns a group that is arriving as the owner sees it. Nobody can be asked about it by its
// name, which is a claim.
func (n *Names) Arriving(a groups.Arrival) Group {
	by := n.Person(a.By)
	g := Group{ID: a.Group, Name: n.GroupName(a.Name), Members: int(a.Members), Joined: a.Since, InvitedBy: &by, State: StateArriving}
	if a.Void {
		g.State = StateVoid
	}
	return g
}

// HistoryText returns what Group.History says of a policy.
func HistoryText(h event.History) string {
	switch h.Policy {
	case event.HistoryAll:
		return HistoryAll
	case event.HistoryDays:
		return strconv.FormatUint(h.Days, 10) + "d"
	}
	return HistoryJoined
}

// ParseHistory reads what Group.History says.
func ParseHistory(text string) (event.History, error) {
	switch text {
	case HistoryJoined:
		return event.History{Policy: event.HistoryJoined}, nil
	case HistoryAll:
		return event.History{Policy: event.HistoryAll}, nil
	}
	days, ok := strings.CutSuffix(text, "d")
	count, err := strconv.ParseUint(days, 10, 16)
	if !ok || err != nil || count == 0 || count > event.MaxHistoryDays {
		return event.History{}, fmt.Errorf("%w: history %q: joined, all or a number of days such as 7d", people.ErrSetting, text)
	}
	return event.History{Policy: event.HistoryDays, Days: count}, nil
}

// TargetPerson returns the Target of a person.
func TargetPerson(p *Person) Target {
	return Target{Kind: "person", ID: p.ID.String(), Name: p.Shown()}
}

// TargetGroup returns the Target of a group.
func (n *Names) TargetGroup(c event.Conversation) Target {
	t := Target{Kind: "group", ID: c.String(), Alike: n.Alike(c)}
	if state, err := n.cfg.Groups.State(c); err == nil {
		t.Name = n.GroupName(state.Name)
	}
	return t
}

// TargetOf returns the Target of a conversation: a group, or the other person of a direct one.
func (n *Names) TargetOf(c event.Conversation) Target {
	if p, ok := n.With(c); ok {
		return TargetPerson(&p)
	}
	return n.TargetGroup(c)
}

// kinds are the kinds that Names.Target takes.
var kinds = map[string]phonebook.Kind{"": phonebook.Anyone, "person": phonebook.APerson, "group": phonebook.AGroup}

// Target finds the person or group that WHO means. kind is "person" or "group" if it must be one of
// these, else empty.
func (n *Names) Target(_ context.Context, who, kind string) (Target, error) {
	of, ok := kinds[kind]
	if !ok {
		return Target{}, fmt.Errorf("%w: kind %q: person or group", people.ErrSetting, kind)
	}
	m, err := n.find(who, of)
	switch {
	case err != nil:
		return Target{}, err
	case m.Person != nil:
		p := n.view(m.Person)
		return TargetPerson(&p), nil
	}
	return n.TargetGroup(m.Group), nil
}
