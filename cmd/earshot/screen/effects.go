package screen

import (
	"context"

	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Room gives the open conversation an input, and makes acts of what it wants.
func (s *State) Room(in room.Input) (acts []Act) {
	if s.Open == nil {
		return nil
	}
	for _, e := range s.Open.Room.Do(s.now, in) {
		acts = append(acts, s.effect(s.Open, e)...)
	}
	v := s.Open.Room.View()
	s.Open.View = v
	if v.Composer.Sets != s.sets {
		s.sets = v.Composer.Sets
		if s.drafting || v.Composer.Text != "" {
			s.Editor.Set(v.Composer.Text)
			s.drafting = true
		}
		s.Offer = nil
	}
	return append(acts, s.arrive()...)
}

// answer gives a room the answer to an effect, if it is still open.
func answer(o *Open, in room.Input) Then {
	return func(s *State) []Act {
		if s.Open != o {
			return nil
		}
		return s.Room(in)
	}
}

func (s *State) effect(o *Open, e room.Effect) []Act {
	who := Who(o.Conv.With)
	act := func(queue string, do func(context.Context, API) Then) []Act { return []Act{{Queue: queue, Do: do}} }
	switch e := e.(type) {
	case room.Wake:
		s.roomWake = e.At
	case room.Load:
		return act(queueLoad, func(ctx context.Context, api API) Then {
			r, err := api.History(ctx, &earshotv1.HistoryRequest{
				Who: who, Limit: uint32(e.Limit), Before: e.Before, After: e.After, Around: e.Around, Notices: true, Waiting: true,
			})
			if err != nil {
				return answer(o, room.LoadFailed{Request: e.Request, Code: localapi.ProblemOf(err).GetCode()})
			}
			return func(s *State) []Act {
				rows := make([]room.Row, len(r.Messages))
				for i, m := range r.Messages {
					rows[i] = s.row(m)
				}
				return answer(o, room.Loaded{Request: e.Request, Rows: rows, MoreBefore: r.MoreBefore, MoreAfter: r.MoreAfter})(s)
			}
		})
	case room.MarkRead:
		return act(queueMark, func(ctx context.Context, api API) Then {
			if _, err := api.MarkRead(ctx, &earshotv1.MarkReadRequest{Ids: e.IDs}); err != nil {
				return answer(o, room.MarkFailed{IDs: e.IDs})
			}
			return nil
		})
	case room.MarkBack:
		return act(queueMark, func(ctx context.Context, api API) Then {
			_, err := api.MarkUnread(ctx, &earshotv1.MarkUnreadRequest{Who: who, Id: e.ID})
			return func(s *State) []Act {
				if err != nil {
					s.Failed(err)
				}
				return nil
			}
		})
	case room.SaveDraft:
		return act(queueDraft, func(ctx context.Context, api API) Then {
			d, err := api.SetDraft(ctx, &earshotv1.SetDraftRequest{Who: who, Text: e.Text, ReplyTo: e.ReplyTo, Edits: e.Edits})
			if err != nil {
				return answer(o, room.SaveFailed{Request: e.Request})
			}
			return answer(o, room.Saved{Request: e.Request, Revision: d.GetRevision()})
		})
	case room.Send:
		l := s.begin(o, e.Request, e.Text)
		return act(queueSend, func(ctx context.Context, api API) Then {
			r, err := api.Send(ctx, &earshotv1.SendRequest{To: who, Text: e.Text, ReplyTo: e.ReplyTo, Key: e.Key, DraftRevision: e.DraftRevision})
			return sent(o, e.Request, l, r.GetId(), err)
		})
	case room.Edit:
		l := s.begin(o, e.Request, e.Text)
		return act(queueSend, func(ctx context.Context, api API) Then {
			m, err := api.Edit(ctx, &earshotv1.EditRequest{Id: e.ID, Text: e.Text})
			done := sent(o, e.Request, l, m.GetId(), err)
			return func(s *State) []Act {
				if err != nil {
					return done(s)
				}
				return append(s.Put(m), done(s)...) // the row is not to be edited as it was
			}
		})
	case room.SetTyping:
		return act(queueTyping, func(ctx context.Context, api API) Then {
			_, _ = api.SetTyping(ctx, &earshotv1.SetTypingRequest{Who: who, Typing: e.Typing})
			return nil
		})
	case room.Attend:
		client := s.Client
		return act(queueAttend, func(ctx context.Context, api API) Then {
			_, _ = api.Attend(ctx, &earshotv1.AttendRequest{Client: client, Who: who, Focused: e.Focused})
			return nil
		})
	}
	return nil
}

// begin notes what is being sent.
func (s *State) begin(o *Open, request int, text string) *last {
	o.requests[request] = text
	o.last = &last{text: s.Editor.Text()}
	return o.last
}

// sent is the answer to a Send or an Edit, with the ID of the message.
func sent(o *Open, request int, l *last, id string, err error) Then {
	return func(s *State) []Act {
		text := o.requests[request]
		delete(o.requests, request)
		if err != nil {
			if o.last == l {
				o.last = nil
			}
			s.Failed(err)
			return answer(o, room.SendFailed{Request: request})(s)
		}
		l.id = id
		s.sent.Add(text)
		return answer(o, room.Sent{Request: request})(s)
	}
}
