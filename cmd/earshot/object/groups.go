package object

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// Group is a group that the owner is or was in.
type Group struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Topic     string `json:"topic,omitempty"`
	History   string `json:"history,omitempty"`
	Role      string `json:"role,omitempty"`
	Members   uint32 `json:"members"`
	Online    uint32 `json:"online"`
	Joined    string `json:"joined,omitempty"`
	InvitedBy *Named `json:"invited_by,omitempty"`
	Frozen    bool   `json:"frozen"`
	Hidden    bool   `json:"hidden,omitempty"`
	State     string `json:"state,omitempty"`
}

// Member is somebody in a group.
type Member struct {
	Named
	Role   string `json:"role"`
	Online bool   `json:"online"`
	Joined string `json:"joined,omitempty"`
	Self   bool   `json:"self"`
}

// OfMember makes the object of a member.
func OfMember(m *earshotv1.Member) Member {
	return Member{OfNamed(m.Person), m.Role, m.Person.GetOnline(), rfc3339(m.Joined), m.Self}
}

// OfGroup makes the object of a group.
func OfGroup(g *earshotv1.Group) Group {
	v := Group{g.Id, g.Name, g.Topic, g.History, g.Role, g.Members, g.Online, rfc3339(g.Joined), nil, g.Frozen, g.Hidden, g.State}
	if g.InvitedBy != nil {
		by := OfNamed(g.InvitedBy)
		v.InvitedBy = &by
	}
	return v
}

// OfGroups makes the objects of groups.
func OfGroups(list []*earshotv1.Group) (out []Group) {
	for _, g := range list {
		out = append(out, OfGroup(g))
	}
	return out
}

// Invitation is who was invited to a group, and who was in it before.
type Invitation struct {
	Group   Group   `json:"group"`
	Invited []Named `json:"invited"`
	Already []Named `json:"already"`
}

// OfInvitation makes the object of an invitation.
func OfInvitation(r *earshotv1.InviteResponse) Invitation {
	return Invitation{OfGroup(r.Group), ofAllNamed(r.Invited), ofAllNamed(r.Already)}
}

// Notice is what has happened in a group.
type Notice struct {
	Kind    string  `json:"kind"`
	Notice  string  `json:"notice"`
	Group   Target  `json:"group"`
	By      *Named  `json:"by,omitempty"`
	Own     bool    `json:"own,omitempty"`
	Whom    []Named `json:"whom,omitempty"`
	Mine    bool    `json:"mine,omitempty"`
	Others  uint32  `json:"others,omitempty"`
	Name    string  `json:"name,omitempty"`
	Was     string  `json:"was,omitempty"`
	Text    string  `json:"text,omitempty"`
	Role    string  `json:"role,omitempty"`
	History string  `json:"history,omitempty"`
	Time    string  `json:"time,omitempty"`
}

// OfNotice makes the object of a notice.
func OfNotice(n *earshotv1.Notice) Notice {
	v := Notice{Kind: "notice", Notice: n.Notice, Group: OfTarget(n.Group), Own: n.Own, Whom: ofAllNamed(n.Whom), Mine: n.Mine, Others: n.Others,
		Name: n.Name, Was: n.Was, Text: n.Text, Role: n.Role, History: n.History, Time: rfc3339(n.Time)}
	if n.By != nil {
		by := OfNamed(n.By)
		v.By = &by
	}
	return v
}
