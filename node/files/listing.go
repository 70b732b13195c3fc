package files

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// Attachments returns attachments of a message as they are now: one, from 1, or all if n is 0.
func (r *Room) Attachments(message event.ID, n int) ([]Attachment, error) {
	refs, err := r.refs(message, n)
	if err != nil {
		return nil, err
	}
	out := make([]Attachment, len(refs))
	for i := range refs {
		if out[i], err = r.attachment(&refs[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// attachment is what the owner sees of an attachment.
func (r *Room) attachment(f *store.FileRef) (Attachment, error) {
	out := shown(f.N+1, &f.Attachment)
	out.State, out.Reason = Told(f.FileStatus)
	switch f.State {
	case store.FileHeld, store.FileFetching, store.FileDeclined:
		if why, failed := r.unsaved.Load(f.Blob); failed {
			out.Reason = why.(string)
		}
	}
	switch f.State {
	case store.FileNew, store.FileOffered, store.FileDeclined:
		return out, nil
	}
	b, err := r.cfg.Store.Shelf().Open(f.Of())
	if errors.Is(err, shelf.ErrNoBlob) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	defer b.Close()
	info := b.Info()
	out.Had = place.BytesHeld(&info)
	for _, p := range info.Places {
		if p.Whole && (p.Original || place.Unchanged(&info, p)) {
			out.Saved = append(out.Saved, p.Path)
			out.Had = info.Size
		}
	}
	return out, nil
}

// Told is what the owner is told of a status: a state, and a reason.
func Told(s store.FileStatus) (state, reason string) {
	switch {
	case (s.State == store.FileOffered || s.State == store.FileNew) && s.ByHand:
		return StateOffered, ReasonByHand
	case s.State == store.FilePaused && s.Reason == store.FileLost:
		return StateGone, ""
	}
	return s.State.String(), s.Reason.String()
}

// shown is what is seen of an attachment by what its message says.
func shown(n int, a *event.Attachment) Attachment {
	return Attachment{N: n, Name: a.Name, Type: a.Type, Size: a.Size,
		Folder: a.Flags&event.AttachedFolder != 0, Picture: a.Flags&event.AttachedPicture != 0, Voice: a.Flags&event.AttachedVoice != 0,
		Preview: a.Preview, Width: int(a.Width), Height: int(a.Height), Duration: time.Duration(a.Duration) * time.Millisecond, Wave: a.Wave}
}

// Open returns the content of an attachment that is here, or of an own one: that of a folder is its stream.
// Errors: ErrNoMessage, ErrNoFile, ErrNotHeld, and ErrChanged when it is read.
func (r *Room) Open(_ context.Context, message event.ID, n int) (Attachment, Content, error) {
	refs, err := r.refs(message, max(n, 1))
	if err != nil {
		return Attachment{}, nil, err
	}
	a, err := r.attachment(&refs[0])
	if err != nil {
		return Attachment{}, nil, err
	}
	c, err := r.places.Open(refs[0].Of())
	switch {
	case errors.Is(err, shelf.ErrNoBlob):
		return a, nil, ErrNotHeld
	case err != nil:
		return a, nil, err
	case !c.Whole():
		c.Close()
		return a, nil, ErrNotHeld
	}
	return a, place.NewReader(c, a.Name), nil
}

// List returns messages with attachments, and whether there are others after them.
func (r *Room) List(_ context.Context, page Page) ([]Attached, bool, error) {
	if page.ID != nil {
		row, err := r.cfg.Store.Row(*page.ID)
		switch {
		case errors.Is(err, store.ErrNoEvent):
			return nil, false, ErrNoMessage
		case err != nil || len(row.Files) == 0:
			return nil, false, err
		}
		one, err := r.attached(&row)
		return []Attached{one}, false, err
	}
	var in *event.Conversation
	if page.Who != "" {
		c, _, err := r.cfg.Names.Conversation(page.Who)
		if err != nil {
			return nil, false, err
		}
		in = &c
	}
	keep := func(s store.Source) bool {
		them, _ := r.cfg.People.Get(s.Author)
		return !them.Blocked || s.Author == r.self
	}
	var out []Attached
	before := page.Before
	for {
		rows, err := r.cfg.Store.Attached(in, before, page.Limit+1, keep)
		switch {
		case errors.Is(err, store.ErrNoConversation):
			return nil, false, nil
		case errors.Is(err, store.ErrNoEvent):
			return nil, false, ErrNoMessage
		case err != nil:
			return nil, false, err
		}
		for i := range rows {
			if page.Waiting && !waits(&rows[i]) {
				continue
			}
			if len(out) == page.Limit {
				return out, true, nil
			}
			one, err := r.attached(&rows[i])
			if err != nil {
				return nil, false, err
			}
			if page.Waiting && one.Own && !lacking(one.Holders) {
				continue
			}
			out = append(out, one)
		}
		if len(rows) <= page.Limit {
			return out, false, nil
		}
		before = &rows[len(rows)-1].ID
	}
}

// waits reports whether something may be done to the attachments of a row.
func waits(row *store.Row) bool {
	for _, f := range row.Files {
		switch f.State {
		case store.FileNew, store.FileOffered, store.FileFetching, store.FilePaused:
			return true
		case store.FileKept, store.FileInPlace:
			return row.Own
		}
	}
	return false
}

// lacking reports whether somebody neither has everything nor has declined it.
func lacking(holders []Holder) bool {
	for _, h := range holders {
		for _, state := range h.States {
			if state != StateHeld && state != StateDeclined {
				return true
			}
		}
	}
	return false
}

// attached is what the owner sees of a message with attachments.
func (r *Room) attached(row *store.Row) (Attached, error) {
	out := Attached{ID: row.ID, Conversation: row.Conversation, From: r.cfg.Names.Person(row.Author), Own: row.Own, Time: row.Clock}
	out.With = r.with(row)
	for n := range row.Files {
		a, err := r.attachment(&store.FileRef{File: row.Files[n], Message: row.ID, N: n, Conversation: row.Conversation, Author: row.Author, Own: row.Own})
		if err != nil {
			return out, err
		}
		out.Attachments = append(out.Attachments, a)
	}
	if !row.Own {
		return out, nil
	}
	holders, err := r.cfg.Store.Holders(row.ID)
	if err != nil {
		return out, err
	}
	for _, h := range holders {
		one := Holder{Person: r.cfg.Names.Person(h.Person)}
		for _, state := range h.States {
			one.States = append(one.States, store.FileState(state).String())
		}
		out.Holders = append(out.Holders, one)
	}
	return out, nil
}

// with is where a row belongs as the owner sees it: the group, or the other person.
func (r *Room) with(row *store.Row) contacts.Target {
	if r.cfg.Groups.Known(row.Conversation) {
		return r.cfg.Names.TargetGroup(row.Conversation)
	}
	them, known := r.cfg.Names.With(row.Conversation)
	if !known && !row.Own {
		them = r.cfg.Names.Person(row.Author) // a stranger who was forgotten
	}
	return contacts.TargetPerson(&them)
}
