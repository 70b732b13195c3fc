package object

import (
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Attachment is a file or folder that goes with a message.
type Attachment struct {
	N      uint32 `json:"n"`
	File   string `json:"file"`
	Kind   string `json:"kind"`
	Type   string `json:"type,omitempty"`
	Size   uint64 `json:"size"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// OfAttachment makes the object of a file or folder.
func OfAttachment(a *earshotv1.Attachment) Attachment {
	return Attachment{a.GetN(), a.GetName(), KindOf(a), a.GetType(), a.GetSize(), a.GetState(), a.GetReason()}
}

// KindOf says what an attachment is: a file, folder, picture or voice note.
func KindOf(a *earshotv1.Attachment) string {
	switch {
	case a.GetFolder():
		return "folder"
	case a.GetPicture():
		return "picture"
	case a.GetVoice():
		return "voice"
	}
	return "file"
}

func ofAttachments(list []*earshotv1.Attachment) (out []Attachment) {
	for _, a := range list {
		out = append(out, OfAttachment(a))
	}
	return out
}

// Listed is an attachment with the message that it belongs to.
type Listed struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	With         Target `json:"with"`
	From         Named  `json:"from"`
	Own          bool   `json:"own"`
	Time         string `json:"time"`
	Attachment
	Bytes    uint64   `json:"bytes"`
	Width    uint32   `json:"width,omitempty"`
	Height   uint32   `json:"height,omitempty"`
	Duration uint32   `json:"duration_ms,omitempty"`
	Saved    []string `json:"saved,omitempty"`
	Holders  []Holder `json:"holders,omitempty"`
}

// Holder is a person whom an own attachment is for, and what has become of it there.
type Holder struct {
	Named
	State string `json:"state"`
}

// OfListed makes the object of one attachment of a message.
func OfListed(m *earshotv1.Attached, a *earshotv1.Attachment) Listed {
	v := Listed{ID: m.Id, Conversation: m.Conversation, With: OfTarget(m.With), From: OfNamed(m.From), Own: m.Own, Time: rfc3339(m.Time), Attachment: OfAttachment(a),
		Bytes: a.GetHad(), Width: a.GetWidth(), Height: a.GetHeight(), Duration: a.GetDuration(), Saved: a.GetSaved()}
	for _, h := range m.Holders {
		v.Holders = append(v.Holders, Holder{OfNamed(h.Person), StateAt(h, a)})
	}
	return v
}

// StateAt is what has become of an attachment at somebody whom it is for.
func StateAt(h *earshotv1.Holder, a *earshotv1.Attachment) string {
	if i := int(a.GetN()) - 1; i >= 0 && i < len(h.GetStates()) {
		return h.States[i]
	}
	return "offered"
}

// Transfer is how far a file has come that is on its way, or is being taken in.
type Transfer struct {
	ID      string   `json:"id,omitempty"`
	N       uint32   `json:"n,omitempty"`
	File    string   `json:"file"`
	Bytes   uint64   `json:"bytes"`
	Size    uint64   `json:"size"`
	Rate    uint64   `json:"rate"`
	Sources uint32   `json:"sources"`
	State   string   `json:"state"`
	Reason  string   `json:"reason,omitempty"`
	To      *Named   `json:"to,omitempty"`
	Saved   []string `json:"saved,omitempty"`

	LeftOut []string `json:"left_out,omitempty"`
}

// OfLeftOut makes the object of a folder that was taken in, without some of what is in it.
func OfLeftOut(a *earshotv1.Added) Transfer {
	v := OfTransfer(&earshotv1.Transfer{Attachment: a.Attachment})
	v.N, v.Bytes, v.State, v.LeftOut = 0, v.Size, "reading", a.Skipped
	return v
}

// OfTransfer makes the object of a file on its way.
func OfTransfer(t *earshotv1.Transfer) Transfer {
	a := t.GetAttachment()
	v := Transfer{ID: t.Id, N: a.GetN(), File: a.GetName(), Bytes: a.GetHad(), Size: a.GetSize(), Rate: t.Rate, Sources: t.Sources,
		State: a.GetState(), Reason: a.GetReason(), Saved: a.GetSaved()}
	if t.To != nil {
		to := OfNamed(t.To)
		v.To = &to
	}
	return v
}
