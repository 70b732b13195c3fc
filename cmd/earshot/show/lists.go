package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
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
func (p Printer) Peers(w io.Writer, peers []Peer) error {
	return rows(p, w, peers, kind[Peer]{
		object: func(v Peer) any { return v },
		long:   p.peerLong,
		cells: func(v Peer) []cell {
			var gone cell
			if seen, err := time.Parse(time.RFC3339, v.LastSeen); err == nil && !v.Online {
				gone = p.dim(since(seen))
			}
			return []cell{p.person(v.who()), p.standing(v.Online, v.Blocked), gone, p.otherName(v.who())}
		},
	})
}

func (p Printer) peerLong(v Peer) string {
	row := []string{p.presence(v.Online).Text, p.Style.Bold(label.Title(v.who())), "device " + v.Device, "person " + v.Person}
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
		object: func(v *earshotv1.Person) any { return toPerson(v) },
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

// Outbox writes a row for each message and person that does not have it yet.
func (p Printer) Outbox(w io.Writer, list []*earshotv1.Pending) error {
	return rows(p, w, list, kind[*earshotv1.Pending]{
		object: func(q *earshotv1.Pending) any {
			return pending{q.Id, toTarget(q.To), rfc3339(q.Queued), q.WaitingFor, q.Reason, waitingDetail(q, q.Error), rfc3339(q.LastSeen)}
		},
		long: func(q *earshotv1.Pending) string {
			return fmt.Sprintf("%s  %s  to %s  %s", q.Id, clock(q.Queued), p.Style.Bold(label.Who(q.Person)), waiting(q, q.Error))
		},
		cells: func(q *earshotv1.Pending) []cell {
			return []cell{p.bold("to " + label.WhoWithin(receiverColumns, q.Person)), p.dim("queued " + when(q.Queued.AsTime())), {Text: waiting(q, withoutAddress(q.Error))}}
		},
	})
}

// withoutAddress leaves out which address was dialled, where a row has no room for it.
func withoutAddress(dialled string) string {
	if address, reason, found := strings.Cut(dialled, ": "); found && strings.HasPrefix(address, "/") {
		return reason
	}
	return dialled
}

// waiting says why a message still waits, with an error of the last dial.
func waiting(q *earshotv1.Pending, dialled string) string {
	detail := terminal.Line(waitingDetail(q, dialled))
	switch q.WaitingFor {
	case "offline":
		if q.LastSeen == nil {
			return "offline"
		}
		return "offline " + since(q.LastSeen.AsTime())
	case "unreachable":
		return "can't be reached: " + detail
	case "unanswered", "refused", "no_network", "incompatible", "no_room":
		return detail
	}
	return terminal.Line(q.WaitingFor) + ": " + detail // of a newer node
}

// waitingDetail says more about why a message waits.
func waitingDetail(q *earshotv1.Pending, dialled string) string {
	switch q.WaitingFor {
	case "offline":
		return "not on this network"
	case "no_network":
		return "this machine is on no network"
	case "incompatible":
		return "runs another version of earshot"
	case "no_room":
		return "their disk is full"
	case "unreachable":
		return fmt.Sprintf("%s (dials that failed: %d)", dialled, q.Dials) // the reason first: a row may cut the rest
	}
	switch q.WaitingFor + " " + q.Reason {
	case "unanswered ":
		return "connected, but not taken yet"
	case "unanswered blocked":
		return "you have blocked them"
	case "unanswered not_contact":
		return "you have removed them, and accept contacts only"
	case "unanswered acceptance":
		return "they may have to accept you first"
	case "refused acceptance":
		return "their limit is used up: they may have to accept you first"
	case "refused limit", "refused logs":
		return "their node keeps as much from you as it may"
	}
	return q.Reason // of a newer node
}

// Groups writes a row for each group.
func (p Printer) Groups(w io.Writer, groups []*earshotv1.Group) error {
	return rows(p, w, groups, kind[*earshotv1.Group]{
		object: func(g *earshotv1.Group) any { return toGroup(g) },
		long:   func(g *earshotv1.Group) string { return g.Id + "  " + GroupTitle(g) },
		cells: func(g *earshotv1.Group) []cell {
			if g.State != "" {
				return []cell{p.bold(label.GroupClaimWithin(groupColumns, g)), {Text: stateOf(g)}, p.sinceCell(g.Joined)}
			}
			name := p.bold(label.GroupWithin(groupColumns, g))
			if g.Role == "" {
				return []cell{name, p.dim("you are not in it any more" + hiddenOf(g))}
			}
			state := size(g) + ", " + g.Role
			if g.Frozen {
				state = "needs a newer earshot"
			}
			return []cell{name, {Text: state + hiddenOf(g)}, p.sinceCell(g.Joined)}
		},
	})
}

// Members writes a row for each person in a group.
func (p Printer) Members(w io.Writer, members []*earshotv1.Member) error {
	return rows(p, w, members, kind[*earshotv1.Member]{
		object: func(m *earshotv1.Member) any {
			return member{toNamed(m.Person), m.Role, m.Person.GetOnline(), rfc3339(m.Joined), m.Self}
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

// Receipts writes a row for each person whom a message is for.
func (p Printer) Receipts(w io.Writer, list []*earshotv1.Reached) error {
	return rows(p, w, list, kind[*earshotv1.Reached]{
		object: func(r *earshotv1.Reached) any { return reached{toNamed(r.Person), r.State, r.Reason} },
		long: func(r *earshotv1.Reached) string {
			return fmt.Sprintf("%s  %-9s  %s", r.Person.GetPerson(), State(r.State, r.Reason), label.Title(r.Person))
		},
		cells: func(r *earshotv1.Reached) []cell {
			return []cell{p.person(r.Person), {Text: State(r.State, r.Reason)}, p.now(r.Person)}
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
			who += p.Style.Dim(" [" + moreWaits + "]")
		}
		return p.Row(w, toRequest(r), "%s  %s%s", p.Style.Dim(clock(r.Received)), who, asks(r))
	})
}

// asks returns what somebody says who waits to be accepted, if it is kept here.
func asks(r *earshotv1.Request) string {
	switch {
	case r.Notice == "invited":
		return fmt.Sprintf(" invites you to the group %s of %d members", label.GroupClaim(r.Group), r.Members)
	case r.Text == "":
		return ""
	}
	return ": " + terminal.Text(r.Text)
}

const moreWaits = "more waits, accept to get it"

// MoreWaits tells the owner that more waits of somebody than is taken before they are accepted.
func MoreWaits(r *earshotv1.Request) string {
	return label.Asks(r) + ": " + moreWaits
}
