package view

import (
	"github.com/earshot-im/earshot/node/files"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// File shows the nth attachment of a message, from 1, by what the message and its row say. How much of it
// is here while it is fetched, and where it was saved, the room of files knows: see Attachment.
func File(n int, f *store.File) *earshotv1.Attachment {
	v := &earshotv1.Attachment{
		N:        uint32(n),
		Name:     Valid(f.Name),
		Type:     Valid(f.Type),
		Size:     f.Size,
		Folder:   f.Flags&event.AttachedFolder != 0,
		Picture:  f.Flags&event.AttachedPicture != 0,
		Voice:    f.Flags&event.AttachedVoice != 0,
		Preview:  f.Preview,
		Width:    uint32(f.Width),
		Height:   uint32(f.Height),
		Duration: uint32(f.Duration),
		Wave:     f.Wave,
	}
	v.State, v.Reason = files.Told(f.FileStatus)
	switch f.State {
	case store.FileHeld, store.FileKept, store.FileInPlace:
		v.Had = f.Size
	}
	return v
}

func Attachment(a files.Attachment) *earshotv1.Attachment {
	return &earshotv1.Attachment{
		N:        uint32(a.N),
		Name:     Valid(a.Name),
		Type:     Valid(a.Type),
		Size:     a.Size,
		Folder:   a.Folder,
		Picture:  a.Picture,
		Voice:    a.Voice,
		Preview:  a.Preview,
		Width:    uint32(a.Width),
		Height:   uint32(a.Height),
		Duration: uint32(a.Duration.Milliseconds()),
		Wave:     a.Wave,
		State:    a.State,
		Reason:   a.Reason,
		Had:      a.Had,
		Saved:    Each(a.Saved, Valid),
	}
}

func Added(a files.Added) *earshotv1.Added {
	return &earshotv1.Added{File: a.File, Attachment: Attachment(a.Attachment), Skipped: Each(a.Skipped, Valid), Others: uint32(a.Others)}
}

func Attached(a files.Attached) *earshotv1.Attached {
	return &earshotv1.Attached{
		Id:           EventID(a.ID),
		Conversation: Text(a.Conversation),
		With:         Target(a.With),
		From:         Person(a.From),
		Own:          a.Own,
		Time:         Stamp(a.Time),
		Attachments:  Each(a.Attachments, Attachment),
		Holders: Each(a.Holders, func(h files.Holder) *earshotv1.Holder {
			return &earshotv1.Holder{Person: Person(h.Person), States: h.States}
		}),
	}
}

func Transfer(t files.Transfer) *earshotv1.Transfer {
	v := &earshotv1.Transfer{Id: EventID(t.ID), Attachment: Attachment(t.Attachment), Rate: t.Rate, Sources: uint32(t.Sources)}
	if t.To != nil {
		v.Own, v.To = true, Person(*t.To)
	}
	return v
}
