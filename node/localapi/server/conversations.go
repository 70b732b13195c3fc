package server

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// Conversations is what the owner sees and sets of conversations; *conversations.Conversations is one.
type Conversations interface {
	// List returns also whether there are others after these.
	List(ctx context.Context, page conversations.Page) ([]conversations.Conversation, bool, error)
	Get(ctx context.Context, who string) (conversations.Conversation, error)
	Set(ctx context.Context, who string, to conversations.Choice) (conversations.Conversation, error)
	// MarkReadTo marks all that is there where to is nil.
	MarkReadTo(ctx context.Context, who string, to *event.ID) (conversations.Conversation, error)
	MarkUnread(ctx context.Context, who string, from event.ID) (conversations.Conversation, error)
	// MarkAllRead returns how many messages were unread.
	MarkAllRead(ctx context.Context) (int, error)
	SetDraft(ctx context.Context, who string, d desk.Draft) (desk.Draft, error)
}

// conversationsService answers the calls of service Conversations.
type conversationsService struct{ conversations Conversations }

var _ earshotv1.ConversationsHandler = conversationsService{}

func (s conversationsService) Conversations(ctx context.Context, r *earshotv1.ConversationsRequest) (*earshotv1.ConversationsResponse, error) {
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return nil, err
	}
	page := conversations.Page{Limit: limit, UnreadOnly: r.UnreadOnly, Archived: r.Archived}
	if r.After != "" {
		id, err := crypto.ParsePersonID(r.After) // that of a conversation looks the same
		if err != nil {
			return nil, fmt.Errorf("%w: the ID of a conversation has 64 hexadecimal digits", errInvalid)
		}
		after := event.Conversation(id)
		page.After = &after
	}
	all, more, err := s.conversations.List(ctx, page)
	if err != nil {
		return nil, err
	}
	kept := clipConversations(all)
	return &earshotv1.ConversationsResponse{Conversations: view.Each(kept, view.Conversation), More: more || len(kept) < len(all)}, nil
}

// clipConversations keeps at least one conversation, and no more than localapi.PageBytes of text.
func clipConversations(all []conversations.Conversation) []conversations.Conversation {
	size := 0
	for i := range all {
		if m := all[i].Last; m != nil {
			size += len(m.Text)
			for _, f := range m.Files {
				size += weight(len(f.Preview), len(f.Name), len(f.Wave), 0)
			}
		}
		for _, d := range []*desk.Draft{all[i].Draft, all[i].Edit} {
			if d != nil {
				size += len(d.Text)
			}
		}
		if size > localapi.PageBytes && i > 0 {
			return all[:i]
		}
	}
	return all
}

func (s conversationsService) GetConversation(ctx context.Context, r *earshotv1.GetConversationRequest) (*earshotv1.Conversation, error) {
	return conversation(s.conversations.Get(ctx, r.Who))
}

func (s conversationsService) SetConversation(ctx context.Context, r *earshotv1.SetConversationRequest) (*earshotv1.Conversation, error) {
	to := conversations.Choice{Notify: r.Notify, Pinned: r.Pinned, Archived: r.Archived}
	if r.MutedUntil != nil {
		if !r.MutedUntil.IsValid() {
			return nil, fmt.Errorf("%w: bad time", errInvalid)
		}
		until := r.MutedUntil.AsTime()
		to.MutedUntil = &until
	}
	return conversation(s.conversations.Set(ctx, r.Who, to))
}

func (s conversationsService) MarkReadTo(ctx context.Context, r *earshotv1.MarkReadToRequest) (*earshotv1.Conversation, error) {
	id, err := optionalID(r.Id)
	if err != nil {
		return nil, err
	}
	return conversation(s.conversations.MarkReadTo(ctx, r.Who, id))
}

func (s conversationsService) MarkUnread(ctx context.Context, r *earshotv1.MarkUnreadRequest) (*earshotv1.Conversation, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	return conversation(s.conversations.MarkUnread(ctx, r.Who, id))
}

func (s conversationsService) MarkAllRead(ctx context.Context, _ *earshotv1.MarkAllReadRequest) (*earshotv1.MarkAllReadResponse, error) {
	marked, err := s.conversations.MarkAllRead(ctx)
	return &earshotv1.MarkAllReadResponse{Marked: uint64(marked)}, err
}

func (s conversationsService) SetDraft(ctx context.Context, r *earshotv1.SetDraftRequest) (*earshotv1.Draft, error) {
	reply, err := optionalID(r.ReplyTo)
	if err != nil {
		return nil, err
	}
	edits, err := optionalID(r.Edits)
	if err != nil {
		return nil, err
	}
	kept, err := s.conversations.SetDraft(ctx, r.Who, desk.Draft{Text: r.Text, ReplyTo: reply, Edits: edits})
	return view.Draft(&kept), err
}

func conversation(c conversations.Conversation, err error) (*earshotv1.Conversation, error) {
	return view.Conversation(c), err
}
