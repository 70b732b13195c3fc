package event

import (
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxTopic bounds a topic in bytes: a few lines.
	MaxTopic = 1 << 10
	// MaxControls bounds the control events of a group, at about 1 KiB each in memory. An event
	// counts once for each ControlPiece bytes of its header and body that it has begun. So a whole
	// control set has at most MaxControlSet bytes, and whoever is told of the group can take it in.
	MaxControls   = 4096
	ControlPiece  = 4 << 10
	MaxControlSet = MaxControls * ControlPiece
	// MaxLocator bounds the hashes by which a control set is described: its heads, and some of
	// their ancestors.
	MaxLocator = 32
	// MaxInvited bounds the persons that one event invites.
	MaxInvited = 64
	// MaxHistoryDays bounds the days of history that newcomers get: a century.
	MaxHistoryDays = 36500
)

// Control is the content of a control event: one of the types below.
type Control interface {
	Kind() Kind
	// Marshal fails with ErrMalformed if a field breaks its limits.
	Marshal() ([]byte, error)
}

// Role is what a member may do. Zero is none: not a member.
type Role uint8

const (
	RoleNone Role = iota
	RoleMember
	RoleAdmin
	RoleOwner
)

func (r Role) String() string {
	if r > RoleOwner {
		return "unknown"
	}
	return [...]string{"none", "member", "admin", "owner"}[r]
}

// HistoryPolicy says which earlier messages newcomers get.
type HistoryPolicy uint8

const (
	HistoryJoined HistoryPolicy = iota + 1 // none
	HistoryDays                            // those of the last days
	HistoryAll
)

func (p HistoryPolicy) String() string {
	if p < HistoryJoined || p > HistoryAll {
		return "unknown"
	}
	return [...]string{"joined", "days", "all"}[p-1]
}

// Create begins a group. Its event's ID is the group's conversation.
type Create struct {
	Person  crypto.PersonID // the founder, who wrote it
	Name    string
	Secret  [32]byte // random: somebody who has not seen the event can't tell that the group exists
	History History
}

// Invite takes persons in.
type Invite struct {
	Persons []crypto.PersonID // ascending, 1 to MaxInvited
}

// Leave is written by a member who goes. Their logs end at the cuts, or else where the named lists
// say. Where these lists name logs of others, that has no effect.
type Leave struct {
	Cuts  []Position    // sorted by log, at most MaxCuts
	Lists []crypto.Hash // IDs of events that list cuts, ascending, at most MaxLists
}

// Remove takes somebody out. Their logs end as with Leave.
type Remove struct {
	Person crypto.PersonID
	Cuts   []Position // the last that is accepted of each of their logs
	Lists  []crypto.Hash
}

// RoleChange gives a member a role other than RoleNone.
type RoleChange struct {
	Person crypto.PersonID
	Role   Role
}

// Rename gives the group a name.
type Rename struct{ Name string }

// Topic says what the group is about; empty for nothing.
type Topic struct{ Topic string }

// History sets what newcomers get.
type History struct {
	Policy HistoryPolicy
	Days   uint64 // 1 to MaxHistoryDays with HistoryDays, else 0
}

// Merge joins concurrent heads.
type Merge struct{}

func (Create) Kind() Kind     { return KindCreate }
func (Invite) Kind() Kind     { return KindInvite }
func (Leave) Kind() Kind      { return KindLeave }
func (Remove) Kind() Kind     { return KindRemove }
func (RoleChange) Kind() Kind { return KindRole }
func (Rename) Kind() Kind     { return KindRename }
func (Topic) Kind() Kind      { return KindTopic }
func (History) Kind() Kind    { return KindHistory }
func (Merge) Kind() Kind      { return KindMerge }

// ParseControl takes the content of a control event. Of a kind that is unknown here it returns nil.
func ParseControl(k Kind, content []byte) (Control, error) {
	r := canon.NewReader(content)
	var c Control
	var err error
	switch k {
	case KindCreate:
		create := Create{Person: crypto.PersonID(r.Fixed(1, 32)), Name: r.String(2, MaxName), Secret: [32]byte(r.Fixed(3, 32))}
		h := canon.NewReader(r.Bytes(4, 16)) // two short numbers
		create.History = readHistory(h)
		c, err = create, h.End()
	case KindInvite:
		var invite Invite
		invite.Persons, err = parsePersons(r.Repeated(1, MaxInvited, 32))
		c = invite
	case KindLeave:
		var leave Leave
		if leave.Cuts, err = parsePositions(r.Repeated(1, MaxCuts, maxPosition)); err == nil {
			leave.Lists, err = parseLists(r.Repeated(2, MaxLists, 32))
		}
		c = leave
	case KindRemove:
		remove := Remove{Person: crypto.PersonID(r.Fixed(1, 32))}
		if remove.Cuts, err = parsePositions(r.Repeated(2, MaxCuts, maxPosition)); err == nil {
			remove.Lists, err = parseLists(r.Repeated(3, MaxLists, 32))
		}
		c = remove
	case KindRole:
		role := RoleChange{Person: crypto.PersonID(r.Fixed(1, 32))}
		role.Role = Role(min(r.Uint(2), uint64(RoleOwner)+1))
		c = role
	case KindRename:
		c = Rename{Name: r.String(1, MaxName)}
	case KindTopic:
		c = Topic{Topic: r.String(1, MaxTopic)}
	case KindHistory:
		c = readHistory(r)
	case KindMerge:
		c = Merge{}
	case KindCuts:
		c, err = parseCutList(r)
	default:
		return nil, nil
	}
	if err == nil {
		err = r.End()
	}
	if err == nil {
		err = checkControl(c)
	}
	if err != nil {
		return nil, malformed("kind %d: %w", k, err)
	}
	return c, nil
}

// readHistory does not check that the input ends; its caller does. It leaves values that are out of
// range for checkControl to refuse.
func readHistory(r *canon.Reader) History {
	return History{Policy: HistoryPolicy(min(r.Uint(1), uint64(HistoryAll)+1)), Days: r.Uint(2)}
}

// checkControl holds a content, wherever it came from, to what the encoding can't express.
func checkControl(c Control) error {
	switch c := c.(type) {
	case Create:
		if err := checkGroupName(c.Name); err != nil {
			return err
		}
		return checkControl(c.History)
	case Invite:
		if len(c.Persons) == 0 {
			return malformed("invites nobody")
		}
		return checkPersons(c.Persons, MaxInvited)
	case Leave:
		return checkCuts(c.Cuts, c.Lists)
	case Remove:
		return checkCuts(c.Cuts, c.Lists)
	case CutList:
		if len(c.Cuts) == 0 {
			return malformed("list of nothing")
		}
		return checkCuts(c.Cuts, nil)
	case RoleChange:
		if c.Role < RoleMember || c.Role > RoleOwner {
			return malformed("role %d", c.Role)
		}
	case Rename:
		return checkGroupName(c.Name)
	case Topic:
		if len(c.Topic) > MaxTopic || !utf8.ValidString(c.Topic) {
			return malformed("topic")
		}
	case History:
		switch {
		case c.Policy < HistoryJoined || c.Policy > HistoryAll:
			return malformed("history policy %d", c.Policy)
		case (c.Policy == HistoryDays) != (c.Days != 0) || c.Days > MaxHistoryDays:
			return malformed("history of %d days", c.Days)
		}
	}
	return nil
}

func checkGroupName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return malformed("name of a group")
	}
	return nil
}

// marshalControl checks a content and returns its bytes, which write makes.
func marshalControl(c Control, write func(w *canon.Writer)) ([]byte, error) {
	if err := checkControl(c); err != nil {
		return nil, err
	}
	var w canon.Writer
	write(&w)
	return w.Out(), nil
}

func (c Create) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) {
		w.Bytes(1, c.Person[:])
		w.String(2, c.Name)
		w.Bytes(3, c.Secret[:])
		var h canon.Writer
		c.History.write(&h)
		w.Bytes(4, h.Out())
	})
}

func (c Invite) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) { writePersons(w, 1, c.Persons) })
}

func (c Leave) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) {
		writePositions(w, 1, c.Cuts)
		writeLists(w, 2, c.Lists)
	})
}

func (c Remove) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) {
		w.Bytes(1, c.Person[:])
		writePositions(w, 2, c.Cuts)
		writeLists(w, 3, c.Lists)
	})
}

func (c RoleChange) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) {
		w.Bytes(1, c.Person[:])
		w.Uint(2, uint64(c.Role))
	})
}

func (c Rename) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) { w.String(1, c.Name) })
}

func (c Topic) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) { w.String(1, c.Topic) })
}

func (c History) Marshal() ([]byte, error) { return marshalControl(c, c.write) }

func (c History) write(w *canon.Writer) {
	w.Uint(1, uint64(c.Policy))
	w.Uint(2, c.Days)
}

func (c Merge) Marshal() ([]byte, error) { return nil, nil }
