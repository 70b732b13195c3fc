package object

import (
	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Named is a person as an object names them, with all that a label is made of.
type Named struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Petname  string `json:"petname,omitempty"`
	KnownAs  string `json:"known_as,omitempty"`
	Contact  bool   `json:"contact"`
	Verified bool   `json:"verified"`
}

// OfNamed makes the object of somebody who is named.
func OfNamed(p label.Somebody) Named {
	return Named{p.GetPerson(), p.GetName(), p.GetPetname(), p.GetKnownAs(), p.GetContact(), p.GetVerified()}
}

// ofAllNamed has an empty list printed as [] and not as null.
func ofAllNamed(list []*earshotv1.Person) []Named {
	out := make([]Named, len(list))
	for i, p := range list {
		out[i] = OfNamed(p)
	}
	return out
}

// Replaced is what has become of a contact in whose place another person is.
type Replaced struct {
	Person  Person   `json:"person"`
	Old     Stranger `json:"old"`
	Groups  []Target `json:"groups"`
	Others  []Target `json:"others"`
	Lost    []Lost   `json:"lost,omitempty"`
	Waiting uint32   `json:"waiting"`
	Resent  uint32   `json:"resent"`
}

// Lost is a role that the new one has not.
type Lost struct {
	Group Target `json:"group"`
	Role  string `json:"role"`
}

// Removed is who is no contact any more.
type Removed struct {
	Stranger
	Waiting uint32 `json:"waiting"`
}

// Stranger is somebody who is no contact any more.
type Stranger struct {
	Person string `json:"person"`
	Name   string `json:"name,omitempty"`
}

// OfReplaced makes the object of who is in place of whom.
func OfReplaced(r *earshotv1.ReplaceContactResponse) Replaced {
	var roles []Lost
	for _, l := range r.Lost {
		roles = append(roles, Lost{OfTarget(l.Group), l.Role})
	}
	return Replaced{OfPerson(r.Person), ofStranger(r.Old), ofTargets(r.Groups), ofTargets(r.Others), roles, r.Waiting, r.Resent}
}

// OfRemoved makes the object of who is no contact any more.
func OfRemoved(r *earshotv1.RemoveContactResponse) Removed {
	return Removed{ofStranger(r.Person), r.Waiting}
}

// OfWords makes the object of the words that two persons compare.
func OfWords(r *earshotv1.SafetyWordsResponse) Words { return Words{OfNamed(r.Person), r.Words} }

func ofStranger(p *earshotv1.Person) Stranger { return Stranger{p.GetPerson(), p.GetName()} }

// Peer is a device in earshot.
type Peer struct {
	Person    string   `json:"person,omitempty"`
	Name      string   `json:"name,omitempty"`
	Petname   string   `json:"petname,omitempty"`
	KnownAs   string   `json:"known_as,omitempty"`
	Device    string   `json:"device"`
	Online    bool     `json:"online"`
	Contact   bool     `json:"contact"`
	Verified  bool     `json:"verified"`
	Blocked   bool     `json:"blocked"`
	Addresses []string `json:"addresses"`
	FoundBy   []string `json:"found_by"`
	LastSeen  string   `json:"last_seen,omitempty"`

	pinned string
}

// Person is somebody the node knows of.
type Person struct {
	Person   string   `json:"person"`
	Name     string   `json:"name,omitempty"`
	Petname  string   `json:"petname,omitempty"`
	KnownAs  string   `json:"known_as,omitempty"`
	Contact  bool     `json:"contact"`
	Verified bool     `json:"verified"`
	Blocked  bool     `json:"blocked"`
	Online   bool     `json:"online"`
	Devices  []string `json:"devices"`
	Away     bool     `json:"away,omitempty"`
	LastSeen string   `json:"last_seen,omitempty"`
}

// Words are those that two persons compare.
type Words struct {
	Named
	Words []string `json:"words"`
}

// Request is somebody who waits to be accepted.
type Request struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Device   string `json:"device"`
	Received string `json:"received,omitempty"`
	Text     string `json:"text,omitempty"`
	More     bool   `json:"more_waits,omitempty"`

	Kind    string  `json:"kind"`
	Notice  string  `json:"notice,omitempty"`
	Group   *Target `json:"group,omitempty"`
	Members uint32  `json:"members,omitempty"`
}

// OfRequest makes the object of somebody who waits to be accepted.
func OfRequest(r *earshotv1.Request) Request {
	v := Request{r.Person, r.Name, r.Device, rfc3339(r.Received), r.Text, r.MoreWaits, r.Kind, r.Notice, nil, r.Members}
	if r.Group != nil {
		group := OfTarget(r.Group)
		v.Group = &group
	}
	return v
}

// OfPeer makes the object of a device.
func OfPeer(p *earshotv1.Peer) Peer {
	return Peer{p.Person, p.Name, p.Petname, p.KnownAs, p.Device, p.Online, p.Contact, p.Verified, p.Blocked,
		list(p.Addresses), list(p.FoundBy), rfc3339(p.LastSeen), p.Pinned}
}

// Who is the person of a device, as package label takes somebody.
func (v Peer) Who() *earshotv1.Person {
	return &earshotv1.Person{Person: v.Person, Name: v.Name, Petname: v.Petname, Pinned: v.pinned, KnownAs: v.KnownAs, Contact: v.Contact, Verified: v.Verified, Blocked: v.Blocked}
}

// OfPerson makes the object of a person.
func OfPerson(p *earshotv1.Person) Person {
	return Person{p.Person, p.Name, p.Petname, p.KnownAs, p.Contact, p.Verified, p.Blocked, p.Online, list(p.Devices), p.Away, rfc3339(p.LastSeen)}
}

// OfPersons makes the objects of persons.
func OfPersons(list []*earshotv1.Person) (out []Person) {
	for _, p := range list {
		out = append(out, OfPerson(p))
	}
	return out
}
