package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// presence is the cell that says whether somebody is on this network.
func (p Printer) presence(online bool) cell {
	if online {
		return cell{Text: "online"}
	}
	return p.dim("offline")
}

// sinceCell says since when something is so.
func (p Printer) sinceCell(t *timestamppb.Timestamp) cell {
	if t == nil {
		return cell{}
	}
	return p.dim(since(t.AsTime()))
}

// standing is presence, but of somebody who is blocked it says that.
func (p Printer) standing(online, blocked bool) cell {
	if blocked {
		return cell{Text: "blocked"}
	}
	return p.presence(online)
}

// Peers writes a row for each device.
func (p Printer) Peers(w io.Writer, peers []object.Peer) error {
	return rows(p, w, peers, kind[object.Peer]{
		object: func(v object.Peer) any { return v },
		long:   p.peerLong,
		cells: func(v object.Peer) []cell {
			var gone cell
			if seen, err := time.Parse(time.RFC3339, v.LastSeen); err == nil && !v.Online {
				gone = p.dim(since(seen))
			}
			return []cell{p.person(v.Who()), p.standing(v.Online, v.Blocked), gone, p.otherName(v.Who())}
		},
	})
}

func (p Printer) peerLong(v object.Peer) string {
	row := []string{p.presence(v.Online).Text, p.Style.Bold(label.Title(v.Who())), "device " + v.Device, "person " + v.Person}
	if len(v.FoundBy) > 0 {
		row = append(row, "found by "+strings.Join(v.FoundBy, "+"))
	}
	if len(v.Addresses) > 0 {
		row = append(row, terminal.Line(strings.Join(v.Addresses, " ")))
	}
	return strings.Join(row, "  ")
}

// Contacts writes a row for each person.
func (p Printer) Contacts(w io.Writer, persons []*earshotv1.Person) error {
	return rows(p, w, persons, kind[*earshotv1.Person]{
		object: func(v *earshotv1.Person) any { return object.OfPerson(v) },
		long:   func(v *earshotv1.Person) string { return v.Person + "  " + label.Title(v) },
		cells: func(v *earshotv1.Person) []cell {
			var also []string
			if v.Petname != "" && v.Verified {
				also = append(also, "verified")
			}
			also = append(also, label.OtherName(alsoColumns, v)...)
			return []cell{p.person(v), p.standing(v.Online, v.Blocked), p.dim(strings.Join(also, ", "))}
		},
	})
}

// Outbox writes a row for each message and person that does not have it yet. files are what is attached to
// messages, by their IDs.
func (p Printer) Outbox(w io.Writer, list []*earshotv1.Pending, files map[string][]*earshotv1.Attachment) error {
	return rows(p, w, list, kind[*earshotv1.Pending]{
		object: func(q *earshotv1.Pending) any {
			return object.OfPending(q, phrase.WaitingDetail(q, q.Error), files[q.Id])
		},
		long: func(q *earshotv1.Pending) string {
			return strings.TrimRight(fmt.Sprintf("%s  %s  to %s  %s  %s", q.Id, clock(q.Queued), p.Style.Bold(label.Who(q.Person)), phrase.Waiting(q, q.Error, when), attachment.InShort(files[q.Id])), " ")
		},
		cells: func(q *earshotv1.Pending) []cell {
			return []cell{p.bold("to " + label.WhoWithin(receiverColumns, q.Person)), p.dim("queued " + when(q.Queued.AsTime())), {Text: phrase.Waiting(q, phrase.WithoutAddress(q.Error), when)}, p.dim(attachment.InShort(files[q.Id]))}
		},
	})
}

// Groups writes a row for each group.
func (p Printer) Groups(w io.Writer, groups []*earshotv1.Group) error {
	return rows(p, w, groups, kind[*earshotv1.Group]{
		object: func(g *earshotv1.Group) any { return object.OfGroup(g) },
		long:   func(g *earshotv1.Group) string { return g.Id + "  " + phrase.Group(g) },
		cells: func(g *earshotv1.Group) []cell {
			if g.State != "" {
				return []cell{p.bold(label.GroupClaimWithin(groupColumns, g)), {Text: phrase.GroupState(g)}, p.sinceCell(g.Joined)}
			}
			name := p.bold(label.GroupWithin(groupColumns, g))
			if g.Role == "" {
				return []cell{name, p.dim("you are not in it any more" + phrase.GroupHidden(g))}
			}
			state := phrase.GroupSize(g) + ", " + g.Role
			if g.Frozen {
				state = "needs a newer earshot"
			}
			return []cell{name, {Text: state + phrase.GroupHidden(g)}, p.sinceCell(g.Joined)}
		},
	})
}

// Members writes a row for each person in a group.
func (p Printer) Members(w io.Writer, members []*earshotv1.Member) error {
	return rows(p, w, members, kind[*earshotv1.Member]{
		object: func(m *earshotv1.Member) any {
			return object.OfMember(m)
		},
		long: func(m *earshotv1.Member) string {
			title := self(label.Whole, m)
			if !m.Self {
				title = label.Title(m.Person)
			}
			return fmt.Sprintf("%s  %-6s  %s", m.Person.GetPerson(), m.Role, title)
		},
		cells: func(m *earshotv1.Member) []cell {
			name, also := p.person(m.Person), p.now(m.Person)
			if m.Self {
				name, also = p.bold(self(nameColumns, m)), cell{}
			}
			return []cell{name, {Text: m.Role}, p.presence(m.Person.GetOnline()), p.sinceCell(m.Joined), also}
		},
	})
}

// self is the owner as a member.
func self(most int, m *earshotv1.Member) string {
	const you = " (you)"
	return strings.TrimSpace(terminal.Cut(label.Own(m.Person.GetName(), ""), most-len(you)) + you)
}

// Receipts writes a row for each person whom a message is for; with what is attached to it, and what has
// become of that at each, if m is not nil.
func (p Printer) Receipts(w io.Writer, list []*earshotv1.Reached, m *earshotv1.Attached) error {
	states := make(map[string][]string) // of files, by person
	for _, h := range m.GetHolders() {
		states[h.GetPerson().GetPerson()] = h.States
	}
	files := func(r *earshotv1.Reached) string { return attachment.At(m, states[r.Person.GetPerson()]) }
	return rows(p, w, list, kind[*earshotv1.Reached]{
		object: func(r *earshotv1.Reached) any { return object.OfReached(r, states[r.Person.GetPerson()]) },
		long: func(r *earshotv1.Reached) string {
			row := fmt.Sprintf("%s  %-9s  %s  %s", r.Person.GetPerson(), phrase.State(r.State, r.Reason), label.Title(r.Person), files(r))
			return strings.TrimRight(row, " ")
		},
		cells: func(r *earshotv1.Reached) []cell {
			return []cell{p.person(r.Person), {Text: phrase.State(r.State, r.Reason)}, {Text: files(r)}, p.now(r.Person)}
		},
	})
}

// Requests writes a row for each person who waits to be accepted. What they wrote is not cut.
func (p Printer) Requests(w io.Writer, list []*earshotv1.Request) error {
	return Rows(w, list, func(w io.Writer, r *earshotv1.Request) error {
		who := p.Style.Bold(label.Asks(r))
		if p.Long {
			who = r.Person + "  " + who
		}
		if r.MoreWaits { // before the colon, where their text can't imitate it
			who += p.Style.Dim(" [" + phrase.MoreWaits + "]")
		}
		return p.Row(w, object.OfRequest(r), "%s  %s%s", p.Style.Dim(clock(r.Received)), who, phrase.Asks(r))
	})
}

// MoreWaits tells the owner that more waits of somebody than is taken before they are accepted.
func MoreWaits(r *earshotv1.Request) string {
	return label.Asks(r) + ": " + phrase.MoreWaits
}
