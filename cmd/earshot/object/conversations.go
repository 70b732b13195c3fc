package object

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// Conversation is one conversation as its owner sees it.
type Conversation struct {
	ID          string `json:"id"`
	With        Target `json:"with"`
	Last        *Last  `json:"last,omitempty"`
	Unread      uint32 `json:"unread"`
	Mentions    uint32 `json:"mentions"`
	FirstUnread string `json:"first_unread,omitempty"`
	Draft       *Draft `json:"draft,omitempty"`
	Edit        *Draft `json:"edit,omitempty"`
	Notify      string `json:"notify"`
	MutedUntil  string `json:"muted_until,omitempty"`
	Pinned      bool   `json:"pinned"`
	Archived    bool   `json:"archived"`
	Waiting     bool   `json:"waiting"`
}

// Last is what was said last, in short.
type Last struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	From *Named `json:"from,omitempty"`
	Own  bool   `json:"own,omitempty"`
	Time string `json:"time"`
	Text string `json:"text,omitempty"`

	Attachments []Attachment `json:"attachments,omitempty"`
}

// Draft is what the owner has begun to write.
type Draft struct {
	Text    string `json:"text,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`
	Edits   string `json:"edits,omitempty"`
	Time    string `json:"time,omitempty"`
}

// Marked is how many messages were marked read.
type Marked struct {
	Marked uint64 `json:"marked"`
}

// OfMarked makes the object of how many messages were marked read.
func OfMarked(r *earshotv1.MarkAllReadResponse) Marked { return Marked{r.Marked} }

// OfConversation makes the object of a conversation.
func OfConversation(c *earshotv1.Conversation) Conversation {
	v := Conversation{ID: c.Conversation, With: OfTarget(c.With), Unread: c.Unread, Mentions: c.Mentions, FirstUnread: c.FirstUnread, Draft: ofDraft(c.Draft), Edit: ofDraft(c.Edit),
		Notify: c.Notify, MutedUntil: rfc3339(c.MutedUntil), Pinned: c.Pinned, Archived: c.Archived, Waiting: c.Waiting}
	if m := c.Last; m != nil {
		v.Last = &Last{ID: m.Id, Kind: m.Kind, Own: m.Own, Time: rfc3339(m.Time), Text: Excerpt(m), Attachments: ofAttachments(m.Attachments)}
		if m.From.GetPerson() != "" {
			from := OfNamed(m.From)
			v.Last.From = &from
		}
	}
	return v
}

func ofDraft(d *earshotv1.Draft) *Draft {
	if d == nil {
		return nil
	}
	return &Draft{d.Text, d.ReplyTo, d.Edits, rfc3339(d.Time)}
}
