package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/journal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// Journal is what programs follow; *journal.Journal is one.
type Journal interface {
	// Follow tells what has changed after a cursor, and then what changes, until ctx ends or tell
	// fails. It tells the next only when tell has returned.
	Follow(ctx context.Context, after string, kinds []string, f chat.Filter, tell func(journal.Batch) error) error
}

// journalService answers the calls of service Journal.
type journalService struct{ journal Journal }

var _ earshotv1.JournalHandler = journalService{}

func (s journalService) Changes(ctx context.Context, r *earshotv1.ChangesRequest, stream *connect.ServerStream[earshotv1.ChangesResponse]) error {
	return s.journal.Follow(ctx, r.After, r.Kinds, filter(r.Filter), func(b journal.Batch) error {
		return stream.Send(&earshotv1.ChangesResponse{
			Changes: view.Each(b.Changes, change), Cursor: b.Cursor, Reset_: b.Reset, Live: b.Live,
		})
	})
}

func change(c journal.Change) *earshotv1.Change {
	switch c.Kind {
	case journal.Arrived:
		return &earshotv1.Change{Change: &earshotv1.Change_Arrived{Arrived: view.Message(*c.Message)}}
	case journal.Changed:
		return &earshotv1.Change{Change: &earshotv1.Change_Changed{Changed: view.Message(*c.Message)}}
	case journal.Gone:
		if c.Message == nil {
			return &earshotv1.Change{Change: &earshotv1.Change_Gone{Gone: &earshotv1.Gone{Conversation: view.Text(c.Cleared)}}}
		}
		return &earshotv1.Change{Change: &earshotv1.Change_Gone{
			Gone: &earshotv1.Gone{Id: view.EventID(c.Message.ID), Conversation: view.Text(c.Message.Conversation)},
		}}
	case journal.Noticed:
		return &earshotv1.Change{Change: &earshotv1.Change_Notice{Notice: view.Notice(*c.Notice)}}
	case journal.Group:
		return &earshotv1.Change{Change: &earshotv1.Change_Group{Group: view.Group(*c.Group)}}
	case journal.Person:
		return &earshotv1.Change{Change: &earshotv1.Change_Person{Person: view.Person(*c.Person)}}
	case journal.Settings:
		return &earshotv1.Change{Change: &earshotv1.Change_Settings{Settings: view.Me(*c.Settings)}}
	case journal.Typing:
		return &earshotv1.Change{Change: &earshotv1.Change_Typing{Typing: &earshotv1.Typing{
			With: view.Target(c.Writing.With), Conversation: view.Text(c.Writing.Conversation), Persons: view.Each(c.Writing.Persons, view.Person),
		}}}
	case journal.Presence:
		return &earshotv1.Change{Change: &earshotv1.Change_Presence{Presence: view.Person(*c.Person)}}
	case journal.Conversation:
		return &earshotv1.Change{Change: &earshotv1.Change_Conversation{Conversation: view.Conversation(*c.Conversation)}}
	case journal.Draft:
		return &earshotv1.Change{Change: &earshotv1.Change_Draft{Draft: &earshotv1.DraftChange{
			Conversation: view.Text(c.Draft.Conversation), With: view.Target(c.Draft.With), Draft: view.Draft(&c.Draft.Draft),
		}}}
	case journal.Online:
		return &earshotv1.Change{Change: &earshotv1.Change_Online{Online: uint32(c.Online)}}
	case journal.Requests:
		return &earshotv1.Change{Change: &earshotv1.Change_Requests{Requests: uint32(c.Requests)}}
	}
	return &earshotv1.Change{} // nothing that a caller knows
}
