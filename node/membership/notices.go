package membership

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store"
)

// What a notice says has happened in a group.
const (
	NoticeCreated = "created"
	NoticeJoined  = "joined"  // Whom have come; By has invited them
	NoticeLeft    = "left"    // Whom have gone; By is the owner if it was they
	NoticeRemoved = "removed" // Whom are out; By has removed them
	NoticeRenamed = "renamed" // from Was to Name
	NoticeTopic   = "topic"   // to Text
	NoticeHistory = "history" // to History
	NoticeRole    = "role"    // Whom have the role Role now
	NoticeFrozen  = "frozen"  // somebody's newer program has changed it in a way that this one can't follow
	NoticeVoid    = "void"    // By has invited the owner, and that doesn't count; Whom say so, or what is here does
	NoticeLost    = "lost"    // By has invited the owner, and nobody who is in it let them in for 30 days
)

// notices are the words of Notice.What for what the store says. What it lacks is not shown.
var notices = map[store.What]string{
	store.GroupCreated: NoticeCreated,
	store.GroupJoined:  NoticeJoined,
	store.GroupLeft:    NoticeLeft,
	store.GroupRemoved: NoticeRemoved,
	store.GroupRenamed: NoticeRenamed,
	store.GroupTopic:   NoticeTopic,
	store.GroupHistory: NoticeHistory,
	store.GroupRole:    NoticeRole,
	store.GroupFrozen:  NoticeFrozen,
	store.GroupVoid:    NoticeVoid,
	store.GroupLost:    NoticeLost,
}

// Notice is something that has happened in a group, as the owner is told of it.
type Notice struct {
	Cursor  uint64 // its place among the arrivals
	What    string
	Group   contacts.Target  // as it is called now
	By      *contacts.Person // nil: nobody in particular
	Own     bool             // By is the owner
	Whom    []contacts.Person
	Mine    bool   // the first of Whom is the owner
	Others  int    // how many more there are than Whom names
	Name    string // of the group when this was told
	Was     string // its name before
	Text    string
	Role    string
	History string
	Time    time.Time // when this node learned of it
}

// Notices returns up to limit notices whose cursor is past after, by cursor.
func (g *Groups) Notices(_ context.Context, after uint64, limit int) ([]Notice, error) {
	kept, err := g.cfg.Store.Notices(after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Notice, len(kept))
	for i := range kept {
		out[i] = g.Notice(&kept[i])
	}
	return out, nil
}

// Notice is a notice of the store as the owner sees it.
func (g *Groups) Notice(n *store.Notice) Notice {
	v := Notice{Cursor: n.N, What: notices[n.What], Group: g.cfg.Contacts.TargetGroup(n.Group),
		Own: n.By == g.self, Mine: len(n.Whom) > 0 && n.Whom[0] == g.self, Others: int(n.Others),
		Name: g.cfg.Contacts.GroupName(n.Name), Text: n.Text, Time: n.Told}
	if n.By != (crypto.PersonID{}) {
		by := g.cfg.Contacts.Person(n.By)
		v.By = &by
	}
	for _, p := range n.Whom {
		v.Whom = append(v.Whom, g.cfg.Contacts.Person(p))
	}
	switch n.What {
	case store.GroupVoid, store.GroupLost: // it may be known by nothing else
		v.Group.Name = v.Name
	case store.GroupRenamed:
		v.Was = g.cfg.Contacts.GroupName(n.Was)
	case store.GroupRole:
		v.Role = n.Role.String()
	case store.GroupHistory:
		v.History = contacts.HistoryText(n.History)
	}
	return v
}
