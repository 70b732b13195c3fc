package object

import (
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Message is a message in a conversation.
type Message struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	To           Target `json:"to"`
	From         Author `json:"from"`
	Kind         string `json:"kind"`
	Text         string `json:"text"`
	Time         string `json:"time"`
	Received     string `json:"received,omitempty"`
	ReplyTo      string `json:"reply_to,omitempty"`
	State        string `json:"state,omitempty"`
	Reason       string `json:"reason,omitempty"`
	Gap          bool   `json:"gap,omitempty"`
	Forked       bool   `json:"forked,omitempty"`

	Edited    bool       `json:"edited,omitempty"`
	Mentions  []string   `json:"mentions,omitempty"`
	Mentioned bool       `json:"mentioned,omitempty"`
	Reactions []Reaction `json:"reactions,omitempty"`

	Attachments []Attachment `json:"attachments,omitempty"`
}

// Author is who has written a message, and on which device.
type Author struct {
	Named
	Device string `json:"device"`
}

// Reaction is what somebody reacted with.
type Reaction struct {
	Named
	Own   bool   `json:"own,omitempty"`
	Emoji string `json:"emoji"`
}

// OfMessage makes the object of a message.
func OfMessage(m *earshotv1.Message) Message {
	from := m.GetFrom()
	var reactions []Reaction
	for _, r := range m.Reactions {
		reactions = append(reactions, Reaction{OfNamed(r.GetFrom()), r.Own, r.Emoji})
	}
	return Message{
		ID:           m.Id,
		Conversation: m.Conversation,
		To:           OfTarget(m.To),
		From:         Author{OfNamed(from), from.GetDevice()},
		Kind:         m.Kind,
		Text:         m.Text,
		Time:         rfc3339(m.Time),
		Received:     rfc3339(m.Received),
		ReplyTo:      m.ReplyTo,
		State:        m.State,
		Reason:       m.Reason,
		Gap:          m.Gap,
		Forked:       m.Forked,
		Edited:       m.Edited,
		Mentions:     m.Mentions,
		Mentioned:    m.Mentioned,
		Reactions:    reactions,
		Attachments:  ofAttachments(m.Attachments),
	}
}

// Sent is an own message as it was sent.
type Sent struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	To           Target `json:"to"`
	State        string `json:"state"`
	Reason       string `json:"reason,omitempty"`
	Time         string `json:"time"`

	Attachments []Attachment `json:"attachments,omitempty"`
}

// Pending is a message and a person who does not have it yet.
type Pending struct {
	ID         string `json:"id"`
	To         Target `json:"to"`
	Queued     string `json:"queued"`
	WaitingFor string `json:"waiting_for"`
	Reason     string `json:"reason,omitempty"`
	Detail     string `json:"detail,omitempty"`
	LastSeen   string `json:"last_seen,omitempty"`

	Attachments []Attachment `json:"attachments,omitempty"`
}

// OfPending makes the object of what waits for somebody; detail says in words why.
func OfPending(q *earshotv1.Pending, detail string, files []*earshotv1.Attachment) Pending {
	return Pending{q.Id, OfTarget(q.To), rfc3339(q.Queued), q.WaitingFor, q.Reason, detail, rfc3339(q.LastSeen), ofAttachments(files)}
}

// OfReached makes the object of somebody whom a message is for; files are the states of what is attached to
// it there.
func OfReached(r *earshotv1.Reached, files []string) Reached {
	return Reached{OfNamed(r.Person), r.State, r.Reason, files}
}

// OfSent makes the object of an own message, with what was attached to it.
func OfSent(s *earshotv1.Sent, files ...*earshotv1.Attachment) Sent {
	return Sent{s.Id, s.Conversation, OfTarget(s.To), s.State, s.Reason, rfc3339(s.Time), ofAttachments(files)}
}

// Reached is somebody whom a message is for, and whether they have it.
type Reached struct {
	Named
	State  string   `json:"state"`
	Reason string   `json:"reason,omitempty"`
	Files  []string `json:"files,omitempty"`
}

// excerptColumns is how much of the text of a message is shown where it is there in short.
const excerptColumns = 60

// Candidate is a message that may be meant, in short.
type Candidate struct {
	ID   string `json:"id"`
	With Target `json:"with"`
	From Named  `json:"from"`
	Time string `json:"time"`
	Text string `json:"text"`
}

// OfCandidates makes the objects of messages that may be meant.
func OfCandidates(list []*earshotv1.Message) (out []Candidate) {
	for _, m := range list {
		out = append(out, Candidate{m.Id, OfTarget(m.With), OfNamed(m.From), rfc3339(m.Time), Excerpt(m)})
	}
	return out
}

// Excerpt is the beginning of a message.
func Excerpt(m *earshotv1.Message) string {
	text, _ := terminal.Excerpt(m.Text, nil, excerptColumns, excerptColumns)
	return text
}

// Becoming is what has become of a message that was printed before.
type Becoming struct {
	Kind    string  `json:"kind"`
	Message Message `json:"message"`
}

// OfBecoming makes the object of what has become of a message: it was "edited", "recalled" or has other
// "reactions".
func OfBecoming(kind string, m *earshotv1.Message) Becoming { return Becoming{kind, OfMessage(m)} }

// Found is a message that a search has found.
type Found struct {
	Message
	Marks [][2]uint32 `json:"marks"`
}

// OfFound makes the object of a message that a search has found.
func OfFound(f *earshotv1.Found) Found {
	marks := make([][2]uint32, len(f.Marks))
	for i, m := range f.Marks {
		marks[i] = [2]uint32{m.Start, m.End}
	}
	return Found{OfMessage(f.Message), marks}
}
