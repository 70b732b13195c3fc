package contacts

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
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
	Group   Target  // as it is called now
	By      *Person // nil: nobody in particular
	Own     bool    // By is the owner
	Whom    []Person
	Mine    bool   // the first of Whom is the owner
	Others  int    // how many more there are than Whom names
	Name    string // of the group when this was told
	Was     string // its name before
	Text    string
	Role    string
	History string
	Time    time.Time // when this node learned of it
}

// Notice is a notice of the store as the owner sees it.
func (n *Names) Notice(of *store.Notice) Notice {
	v := Notice{Cursor: of.N, What: notices[of.What], Group: n.TargetGroup(of.Group),
		Own: of.By == n.self, Mine: len(of.Whom) > 0 && of.Whom[0] == n.self, Others: int(of.Others),
		Name: n.GroupName(of.Name), Text: of.Text, Time: of.Told}
	if of.By != (crypto.PersonID{}) {
		by := n.Person(of.By)
		v.By = &by
	}
	for _, p := range of.Whom {
		v.Whom = append(v.Whom, n.Person(p))
	}
	switch of.What {
	case store.GroupVoid, store.GroupLost: // it may be known by nothing else
		v.Group.Name = v.Name
	case store.GroupRenamed:
		v.Was = n.GroupName(of.Was)
	case store.GroupRole:
		v.Role = of.Role.String()
	case store.GroupHistory:
		v.History = HistoryText(of.History)
	}
	return v
}
