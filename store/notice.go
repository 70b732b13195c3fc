package store

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

// What says what has happened in a group.
type What uint8

const (
	GroupCreated What = iota + 1
	GroupJoined       // Whom have come; By has invited them
	GroupRole         // Whom have the role Role now
	GroupLeft         // Whom have gone; By is the owner if it was they
	GroupRemoved      // Whom are out; By has removed them
	GroupRenamed      // from Was to Name
	GroupTopic        // to Text
	GroupHistory      // newcomers may read what History says
	GroupFrozen       // by an event that this program doesn't understand
	GroupVoid         // By has invited the owner, and that doesn't count; Whom say so, or what is here does
	GroupLost         // By has invited the owner, and nobody who is in it let them in for too long

	lastWhat = GroupLost
)

// MaxWhom bounds the persons that a notice names, as event.MaxInvited bounds those whom an event
// names.
const MaxWhom = event.MaxInvited

// Notice is something that has happened in a group, as the owner is told of it.
type Notice struct {
	N     uint64 // its place among the arrivals
	T     int64  // its place among the messages of the group is by (T, the ID of its row); 0: the group is not here
	Group event.Conversation
	Told  time.Time // by this store's clock, when it was told

	What    What
	By      crypto.PersonID   // zero: nobody in particular
	Whom    []crypto.PersonID // at most MaxWhom
	Others  uint64            // how many more
	Name    string            // of the group then
	Was     string            // its name before
	Text    string
	Role    event.Role
	History event.History
}

// noticeAAD is what a sealed notice is bound to.
func noticeAAD(key []byte) []byte { return append([]byte("notice"), key...) }

func (n *Notice) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, n.Group[:])
	w.Uint(2, uint64(max(n.Told.UnixMilli(), 0)))
	w.Uint(3, uint64(n.What))
	if n.By != (crypto.PersonID{}) {
		w.Bytes(4, n.By[:])
	}
	for i := range n.Whom {
		w.Element(5, n.Whom[i][:])
	}
	w.Uint(6, n.Others)
	w.String(7, n.Name)
	w.String(8, n.Was)
	w.String(9, n.Text)
	w.Uint(10, uint64(n.Role))
	w.Uint(11, uint64(n.History.Policy))
	w.Uint(12, n.History.Days)
	w.Uint(13, uint64(n.T))
	return w.Out()
}

func parseNotice(b []byte) (n Notice, err error) {
	r := canon.NewReader(b)
	n.Group = event.Conversation(r.Fixed(1, 32))
	n.Told = time.UnixMilli(int64(r.Uint(2)))
	n.What = What(r.Uint(3))
	if by := r.Optional(4, 32); by != nil {
		n.By = crypto.PersonID(by)
	}
	for _, p := range r.Repeated(5, MaxWhom, 32) {
		if len(p) != len(n.By) {
			return n, damaged("notice: person of %d bytes", len(p))
		}
		n.Whom = append(n.Whom, crypto.PersonID(p))
	}
	n.Others = r.Uint(6)
	n.Name = r.String(7, event.MaxName)
	n.Was = r.String(8, event.MaxName)
	n.Text = r.String(9, event.MaxTopic)
	n.Role = event.Role(r.Uint(10))
	n.History = event.History{Policy: event.HistoryPolicy(r.Uint(11)), Days: r.Uint(12)}
	n.T = int64(r.Uint(13))
	if err := r.End(); err != nil {
		return n, damaged("notice: %w", err)
	}
	return n, nil
}

// check refuses what could not be read again.
func (n *Notice) check() error {
	switch {
	case n.What == 0 || n.What > lastWhat || n.Role > event.RoleOwner:
		return fmt.Errorf("notice %d: %w", n.What, event.ErrMalformed)
	case len(n.Whom) > MaxWhom, len(n.Name) > event.MaxName, len(n.Was) > event.MaxName, len(n.Text) > event.MaxTopic:
		return fmt.Errorf("notice: %w", event.ErrTooLarge)
	case !utf8.ValidString(n.Name), !utf8.ValidString(n.Was), !utf8.ValidString(n.Text):
		return fmt.Errorf("notice: %w", event.ErrMalformed)
	}
	return nil
}
