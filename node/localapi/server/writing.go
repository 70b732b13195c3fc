package server

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
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
	m, err := s.writing.Send(ctx, chat.Outgoing{To: r.To, Text: r.Text, ReplyTo: reply, Key: r.Key})
	if err == nil {
		m, err = wait.from(time.Now()).wait(ctx, s.delivery, m)
	}
	return view.Sent(m), err
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
