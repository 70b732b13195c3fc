package desk

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets of FORMAT.md, section "Database", that the desk owns.
const (
	bucketChosen = tx.Bucket("chosen")
	bucketDrafts = tx.Bucket("drafts")
)

// Buckets lists the buckets that must exist.
var Buckets = []tx.Bucket{bucketChosen, bucketDrafts}

// Notify says of what in a conversation the owner is notified.
type Notify uint8

const (
	NotifyDefault Notify = iota // as the program does where nothing is set
	NotifyAll
	NotifyMentions
	NotifyNone

	lastNotify = NotifyNone
)

// Chosen is what the owner has set for a conversation. The zero value is that nothing is set.
type Chosen struct {
	Notify Notify
	Muted  time.Time // until when nothing notifies; zero: not muted
	Pinned bool

	// Archived is the number of the change counter when the owner put the conversation away; 0: they
	// have not. What arrives later brings it back.
	Archived uint64
}

// Desk reads and writes in transactions of the ledger.
type Desk struct{ Keyring *crypto.Keyring }

func chosenAAD(key []byte) []byte { return append([]byte("chosen"), key...) }

// Chosen returns what is set for a conversation.
func (d Desk) Chosen(r *tx.Reader, c event.Conversation) (Chosen, error) {
	return d.parseChosen(c[:], r.Get(bucketChosen, c[:]))
}

// Choose keeps what is set for a conversation.
func (d Desk) Choose(b *tx.Batch, c event.Conversation, to Chosen) {
	if to == (Chosen{}) {
		b.Delete(bucketChosen, c[:])
		return
	}
	var w canon.Writer
	w.Uint(1, uint64(to.Notify))
	if !to.Muted.IsZero() {
		w.Uint(2, uint64(max(to.Muted.UnixMilli(), 1)))
	}
	if to.Pinned {
		w.Uint(3, 1)
	}
	w.Uint(4, to.Archived)
	b.Put(bucketChosen, c[:], d.Keyring.Seal(w.Out(), chosenAAD(c[:])))
}

func (d Desk) parseChosen(key, value []byte) (c Chosen, err error) {
	if value == nil {
		return c, nil
	}
	plain, err := d.Keyring.Open(value, chosenAAD(key))
	if err != nil {
		return c, disk.Damaged("what is set for a conversation: %w", err)
	}
	r := canon.NewReader(plain)
	notify, muted, pinned := r.Uint(1), r.Uint(2), r.Uint(3)
	c.Archived = r.Uint(4)
	if err := r.End(); err != nil || notify > uint64(lastNotify) || pinned > 1 {
		return Chosen{}, disk.Damaged("what is set for a conversation: %w", err)
	}
	c.Notify, c.Pinned = Notify(notify), pinned == 1
	if muted != 0 {
		c.Muted = time.UnixMilli(int64(muted))
	}
	return c, nil
}

// Each calls f for all that is kept: with what is set for a conversation, or with a draft.
func (d Desk) Each(r *tx.Reader, f func(c event.Conversation, chosen *Chosen, draft *Draft)) error {
	for k, v := range r.Prefix(bucketChosen, nil) {
		if len(k) != len(event.Conversation{}) {
			return disk.Damaged("conversation ID of %d bytes", len(k))
		}
		chosen, err := d.parseChosen(k, v)
		if err != nil {
			return err
		}
		f(event.Conversation(k), &chosen, nil)
	}
	for k, v := range r.Prefix(bucketDrafts, nil) {
		draft, err := d.parseDraft(k, v)
		if err != nil {
			return err
		}
		f(event.Conversation(k[:len(k)-1]), nil, &draft)
	}
	return nil
}
