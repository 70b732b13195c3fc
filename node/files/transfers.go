package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// tellEvery is the least time between two times that something of a transfer is told.
const tellEvery = 250 * time.Millisecond

// transferKey names a transfer: what is fetched, or what is given to a person.
type transferKey struct {
	refKey
	to crypto.PersonID
}

// moving is an attachment that is fetched, or saved.
type moving struct {
	store.FileRef
	why     string // it could not be written
	had     uint64
	rate    uint64
	sources int
}

// told is what was told of a transfer, and when that holds: what has to be read for it is read once.
type told struct {
	Transfer
	status store.FileStatus
	why    string
}

// Transfers tells what is on its way, of one message or of all, and then what has changed, until ctx ends
// or tell fails; of one message also until nothing of it moves: then it has told how that ended. It tells
// the next only when tell has returned, and nothing twice within a quarter of a second.
func (r *Room) Transfers(ctx context.Context, message *event.ID, tell func([]Transfer) error) error {
	before := make(map[transferKey]told)
	for first := true; ; first = false {
		_, more := r.moved.Now()
		now, err := r.transfers(ctx, message, before)
		if err != nil {
			return err
		}
		var news []Transfer
		for k, t := range now {
			if was, ok := before[k]; !ok || !sameTransfer(&was.Transfer, &t.Transfer) {
				news = append(news, t.Transfer)
			}
		}
		for k, was := range before {
			if _, still := now[k]; still {
				continue
			}
			if was.To != nil {
				if was.Rate, was.Attachment.State = 0, r.stateAt(k); was.Attachment.State == StateHeld {
					was.Attachment.Had = was.Attachment.Size
				}
				news = append(news, was.Transfer)
				continue
			}
			ended, err := r.became(ctx, k.refKey)
			if errors.Is(err, ErrNoMessage) || errors.Is(err, ErrNoFile) {
				continue
			}
			if err != nil {
				return err
			}
			news = append(news, Transfer{ID: k.message, Attachment: ended})
		}
		slices.SortFunc(news, func(a, b Transfer) int {
			return cmp.Or(bytes.Compare(a.ID[:], b.ID[:]), cmp.Compare(a.Attachment.N, b.Attachment.N))
		})
		before = now
		if len(news) > 0 || first {
			if err := tell(news); err != nil {
				return err
			}
		}
		if message != nil && len(now) == 0 {
			return nil
		}
		pause := time.NewTimer(tellEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-r.ended:
			return errEnded
		}
		var idle <-chan time.Time // what is given ends without a word
		if len(now) > 0 {
			idle = time.After(time.Second)
		}
		select {
		case <-more:
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ended:
			return errEnded
		}
	}
}

// became returns what has become of an attachment that is not on its way any more. That may not be on the disk
// yet.
func (r *Room) became(ctx context.Context, k refKey) (a Attachment, err error) {
	var status store.FileStatus
	var noted bool
	if err := r.ask(ctx, func(time.Time) { status, noted = r.notes.status(k) }); err != nil {
		return a, err
	}
	refs, err := r.refs(k.message, k.n+1)
	if err != nil {
		return a, err
	}
	if noted {
		refs[0].FileStatus = status
	}
	return r.attachment(&refs[0])
}

// stateAt returns what has become of an own attachment at a person, as far as they have said: that comes a
// little later than they have it.
func (r *Room) stateAt(k transferKey) string {
	holders, err := r.cfg.Store.Holders(k.message)
	if err != nil {
		return StateFetching // it is told when it is asked for the next time
	}
	for _, h := range holders {
		if h.Person == k.to && k.n < len(h.States) {
			return store.FileState(h.States[k.n]).String()
		}
	}
	return StateOffered
}

func sameTransfer(a, b *Transfer) bool {
	x, y := &a.Attachment, &b.Attachment
	return a.Rate == b.Rate && a.Sources == b.Sources && x.State == y.State && x.Reason == y.Reason && x.Had == y.Had && slices.Equal(x.Saved, y.Saved)
}

// transfers returns what is on its way now. It reads only what was not told before.
func (r *Room) transfers(ctx context.Context, message *event.ID, before map[transferKey]told) (map[transferKey]told, error) {
	var refs []store.FileRef
	if message != nil {
		var err error
		if refs, err = r.refs(*message, 0); errors.Is(err, ErrNoFile) || errors.Is(err, ErrNoMessage) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	var all []moving
	if err := r.ask(ctx, func(now time.Time) { all = r.moving(message, refs, now) }); err != nil {
		return nil, err
	}
	out := make(map[transferKey]told)
	for i := range all {
		m := &all[i]
		k := transferKey{keyOf(&m.FileRef), crypto.PersonID{}}
		t, known := before[k]
		if !known || t.status != m.FileStatus || t.why != m.why {
			a, err := r.attachment(&m.FileRef)
			if err != nil {
				return nil, err
			}
			t = told{Transfer{ID: m.Message, Attachment: a}, m.FileStatus, m.why}
		}
		t.Rate, t.Sources, t.Attachment.Had = m.rate, m.sources, max(t.Attachment.Had, m.had)
		a := &t.Attachment
		if message != nil && (a.State == StatePaused && a.Reason == ReasonOwner || a.State == StateGone) {
			continue
		}
		out[k] = t
	}
	now := time.Now()
	for _, g := range r.gifts.Now(now) {
		if message != nil && g.Of.Event != *message {
			continue
		}
		k := transferKey{refKey{g.Of.Event, g.Of.Index}, g.To}
		t, known := before[k]
		if !known {
			given, err := r.Attachments(g.Of.Event, g.Of.Index+1)
			if err != nil {
				continue // its message has gone
			}
			person := r.cfg.Names.Person(g.To)
			t.Transfer = Transfer{ID: g.Of.Event, Attachment: given[0], To: &person}
			t.Attachment.State, t.Attachment.Saved = StateFetching, nil
		}
		t.Attachment.Had, t.Rate = min(g.Bytes, t.Attachment.Size), g.Rate
		out[k] = t
	}
	return out, nil
}

// moving returns what is fetched or saved: of all, or of a message with these attachments also what waits for its
// turn. It costs nothing for all else that waits.
func (r *Room) moving(message *event.ID, refs []store.FileRef, now time.Time) (all []moving) {
	add := func(f store.FileRef, x *run) {
		if status, noted := r.notes.status(keyOf(&f)); noted {
			f.FileStatus = status
		}
		m := moving{FileRef: f}
		if why, failed := r.unsaved.Load(f.Blob); failed {
			m.why = why.(string)
		}
		if x != nil && x.fetch != nil {
			m.had, m.rate = x.had, x.meter.Now(now)
			_, m.sources = x.fetch.State()
		}
		all = append(all, m)
	}
	if message == nil {
		for x := range r.runs {
			if x.job.run == x && r.jobs[x.job.id] == x.job {
				for _, f := range x.job.refs {
					add(f, x)
				}
			}
		}
		for _, f := range r.saving {
			add(f.FileRef, nil)
		}
		return all
	}
	for i := range refs {
		k := keyOf(&refs[i])
		if j := r.jobs[refs[i].Blob]; j != nil {
			if f, wanted := j.refs[k]; wanted {
				add(f, j.run)
				continue
			}
		}
		if f := r.saving[refs[i].Blob]; f != nil && keyOf(&f.FileRef) == k {
			add(f.FileRef, nil)
		}
	}
	return all
}
