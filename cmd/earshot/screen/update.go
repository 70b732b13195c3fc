package screen

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// listed is how many conversations are read at most.
const listed = 500

// Start is what is asked first.
func (s *State) Start() []Act { return s.Refresh() }

// Do takes an event and the time of it, in milliseconds since 1970 that don't go back.
func (s *State) Do(now int64, e Event) (acts []Act) {
	s.now = max(s.now, now)
	switch e := e.(type) {
	case Then:
		acts = e(s)
	case Size:
		s.Columns, s.Rows = e.Columns, e.Rows
	case Key:
		acts = s.key(e)
	case Paste:
		acts = append(s.touch(), s.paste(e.Text)...)
	case Click:
		acts = append(s.touch(), s.click(e)...)
	case Wheel:
		acts = append(s.touch(), s.wheel(e)...)
	case Focus:
		s.focus = room.FocusAway
		if e.Here {
			s.focus = room.FocusHere
		}
		acts = s.Room(room.Focus{Here: e.Here})
	case Lock:
		s.locked = e.Locked
		acts = s.Room(room.Lock{Locked: e.Locked})
	case Changes:
		acts = s.changes(e.Answer)
	case Gone:
		s.Away = problem.Explain(e.Err).Text
	case Back:
		if s.Away != "" {
			s.Away = ""
			if s.Note.Text == words.Kept {
				s.Note = Note{}
			}
			acts = append(s.Refresh(), s.Room(room.Retry{})...)
		}
	case Met:
		acts = s.count()
	case Moved:
		s.moved(e.Transfers)
	case Laid:
		acts = s.laid(e.Layout)
	case Woke:
		s.roomWake = 0
		acts = s.Room(room.Woke{})
	case Wrote:
		if e.Err != nil {
			s.Bad(e.Err.Error())
		} else {
			acts = s.write(e.Text)
		}
	case Ending:
		acts = s.leave()
	}
	return acts
}

// Say shows a note, and bad one about what has failed.
func (s *State) Say(text string) { s.Note = Note{Text: text} }
func (s *State) Bad(text string) { s.Note = Note{Text: text, Bad: true} }

// Failed shows an error of a call, and what to do about it.
func (s *State) Failed(err error) {
	p := problem.Explain(err)
	text := p.Text
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	s.Bad(text)
}

// Call makes an act of a call: after it, then is done, or its error is shown.
func Call[T any](do func(context.Context, API) (T, error), then func(*State, T) []Act) []Act {
	return []Act{{Do: func(ctx context.Context, api API) Then {
		v, err := do(ctx, api)
		return func(s *State) []Act {
			if err != nil {
				s.Failed(err)
				return nil
			}
			if then == nil {
				return nil
			}
			return then(s, v)
		}
	}}}
}

// Refresh reads what is shown around the conversation.
func (s *State) Refresh() []Act {
	if s.refreshing {
		s.stale = true
		return nil
	}
	s.refreshing = true
	return []Act{{Do: func(ctx context.Context, api API) Then {
		me, err := api.Me(ctx, &earshotv1.MeRequest{})
		var status *earshotv1.StatusResponse
		if err == nil {
			status, err = api.Status(ctx, &earshotv1.StatusRequest{})
		}
		var list *earshotv1.ConversationsResponse
		if err == nil {
			list, err = api.Conversations(ctx, &earshotv1.ConversationsRequest{Limit: listed})
		}
		return func(s *State) []Act {
			s.refreshing = false
			if err != nil {
				s.Failed(err)
				return nil
			}
			s.Me, s.Status, s.Requests = me, status, int(status.Requests)
			s.List, s.Listed = list.Conversations, true
			var acts []Act
			if s.stale {
				s.stale = false
				acts = s.Refresh()
			}
			if !s.welcomed {
				s.welcomed = true
				acts = append(acts, s.menu.Welcome(s)...)
			}
			return acts
		}
	}}}
}

// day names the day of a time.
func (s *State) day(t int64) string {
	at, today := time.UnixMilli(t).In(s.Zone), time.UnixMilli(s.now).In(s.Zone)
	if at.Year() != today.Year() {
		return at.Format("Monday 2 January 2006")
	}
	return at.Format("Monday 2 January")
}
