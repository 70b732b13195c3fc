package server

import (
	"context"
	"fmt"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/event"
)

// Writing is what the owner writes; *chat.Messages is one.
type Writing interface {
	// Address is Target for a caller who is about to send: it makes a person a contact.
	Address(ctx context.Context, who string) (contacts.Target, error)
	Send(ctx context.Context, out chat.Outgoing) (chat.Message, error)
	// SendAll sends in order, in as few commits as it can. It stops at the first that can't be sent
	// and returns those before it, with the error.
	SendAll(ctx context.Context, out []chat.Outgoing) ([]chat.Message, error)
	// Forward returns what has become of it for each, in their order.
	Forward(ctx context.Context, id event.ID, to []string) ([]chat.Forwarded, error)
	Cancel(ctx context.Context, id event.ID) (chat.Message, error)
	Edit(ctx context.Context, id event.ID, text string) (chat.Message, error)
	Recall(ctx context.Context, id event.ID) (chat.Message, error)
	// React takes the reaction back where emoji is empty.
	React(ctx context.Context, id event.ID, emoji string) (chat.Message, error)
}

// messagesService answers the calls of service Messages.
type messagesService struct {
	writing  Writing
	delivery Delivery
	reading  Reading
	files    Files
}

var _ earshotv1.MessagesHandler = messagesService{}

func (s messagesService) Send(ctx context.Context, r *earshotv1.SendRequest) (*earshotv1.Sent, error) {
	reply, err := optionalID(r.ReplyTo)
	if err != nil {
		return nil, err
	}
	wait, err := newWait(r.Wait, r.Timeout)
	if err != nil {
		return nil, err
	}
	attached, err := s.attached(ctx, r.Files)
	if err != nil {
		return nil, err
	}
	m, err := s.writing.Send(ctx, chat.Outgoing{To: r.To, Text: r.Text, ReplyTo: reply, Key: r.Key, Draft: r.DraftRevision, Attachments: attached})
	if err == nil {
		m, err = s.wait(ctx, wait.from(time.Now()), m)
	}
	return view.Sent(m), err
}

// attached returns what was taken in by these names.
func (s messagesService) attached(ctx context.Context, names []string) ([]event.Attachment, error) {
	switch {
	case len(names) == 0:
		return nil, nil
	case len(names) > localapi.MaxFiles:
		return nil, fmt.Errorf("%w: at most %d files go with a message", errInvalid, localapi.MaxFiles)
	}
	return s.files.Sendable(ctx, names)
}

func (s messagesService) Forward(ctx context.Context, r *earshotv1.ForwardRequest) (*earshotv1.ForwardResponse, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	if len(r.To) == 0 || len(r.To) > localapi.MaxForwarded {
		return nil, fmt.Errorf("%w: a message is forwarded to 1 to %d", errInvalid, localapi.MaxForwarded)
	}
	all, err := s.writing.Forward(ctx, id, r.To)
	if err != nil {
		return nil, err
	}
	return &earshotv1.ForwardResponse{Sent: view.Each(all, func(f chat.Forwarded) *earshotv1.Sent {
		if f.Err != nil {
			return &earshotv1.Sent{Problem: problem(ctx, f.Err)}
		}
		return view.Sent(f.Message)
	})}, nil
}

func (s messagesService) Cancel(ctx context.Context, r *earshotv1.CancelRequest) (*earshotv1.Sent, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	m, err := s.writing.Cancel(ctx, id)
	return view.Sent(m), err
}

func (s messagesService) Edit(ctx context.Context, r *earshotv1.EditRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.writing.Edit(ctx, id, r.Text) })
}

func (s messagesService) Recall(ctx context.Context, r *earshotv1.RecallRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.writing.Recall(ctx, id) })
}

func (s messagesService) React(ctx context.Context, r *earshotv1.ReactRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.writing.React(ctx, id, r.Emoji) })
}

// changed answers with a message after a change of it.
func changed(text string, change func(event.ID) (chat.Message, error)) (*earshotv1.Message, error) {
	id, err := eventID(text)
	if err != nil {
		return nil, err
	}
	m, err := change(id)
	return view.Message(m), err
}
