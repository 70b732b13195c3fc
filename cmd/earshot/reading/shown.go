package reading

import (
	"context"
	"hash/maphash"
	"io"
	"sync"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// maxShown is of how many messages it is remembered how they were printed, the latest. What becomes of
// earlier ones is not told.
const maxShown = 4096

// shown remembers the messages that were printed in this run, so that it can tell what becomes of them.
// It may be used by several goroutines: lines of one are never inside those of another.
type shown struct {
	early bool // what changes may be told before it is printed

	mu    sync.Mutex
	seed  maphash.Seed
	last  map[string]look // by ID
	order []string        // the IDs, the earliest first
}

// look is what a message looked like when it was last printed, or told of.
type look struct {
	printed         bool // otherwise it has changed, and the message itself is still to be printed
	recalled        bool
	text, reactions uint64
}

func newShown(early bool) *shown {
	return &shown{early: early, seed: maphash.MakeSeed(), last: make(map[string]look)}
}

func (s *shown) lookOf(m *earshotv1.Message) look {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, r := range m.Reactions {
		for _, part := range []string{r.GetFrom().GetPerson(), r.Emoji} {
			_, _ = h.WriteString(part) // never fails
			_ = h.WriteByte(0)
		}
	}
	return look{printed: true, recalled: m.Kind == "recalled", text: maphash.String(s.seed, m.Text), reactions: h.Sum64()}
}

// note remembers how a message looks.
func (s *shown) note(id string, l look) {
	if _, known := s.last[id]; !known {
		if s.order = append(s.order, id); len(s.order) > maxShown {
			delete(s.last, s.order[0])
			s.order = s.order[1:]
		}
	}
	s.last[id] = l
}

// printed prints messages for the first time, by a function that returns how many it has printed. It returns
// the IDs of those that have changed since the node was asked for them.
func (s *shown) printed(all []*earshotv1.Message, write func() (int, error)) (changed []string, n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err = write()
	for _, m := range all[:n] {
		before, told := s.last[m.Id]
		s.note(m.Id, s.lookOf(m))
		if told && !before.printed {
			changed = append(changed, m.Id)
		}
	}
	return changed, n, err
}

// changed returns what has become of a message that was printed.
func (s *shown) changed(m *earshotv1.Message, tell func(show.Change) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.last[m.Id]
	if !before.printed {
		if s.early && !m.Own {
			s.note(m.Id, look{})
		}
		return nil
	}
	now := s.lookOf(m)
	s.note(m.Id, now)
	var become []show.Change
	switch {
	case now.recalled && !before.recalled:
		become = append(become, show.Recalled)
	case !now.recalled && now.text != before.text:
		become = append(become, show.Edited)
	}
	if !now.recalled && now.reactions != before.reactions {
		become = append(become, show.Reacted)
	}
	for _, c := range become {
		if err := tell(c); err != nil {
			return err
		}
	}
	return nil
}

// tells reports whether it is told what becomes of messages: to people, and to programs that want it,
// since most know messages only.
func (r *Reader) tells() bool { return r.Follow && (r.All || !r.Out.JSON) }

// becomes tells what has become of a message that was printed: for people on standard error, where notices
// are.
func (r *Reader) becomes(m *earshotv1.Message) error {
	var w io.Writer = r.Stderr
	if r.Out.JSON {
		w = r.Stdout
	}
	return r.shown.changed(m, func(c show.Change) error { return r.Out.Changed(w, m, c) })
}

// late asks for messages that have changed before they were printed as they were.
func (r *Reader) late(ctx context.Context, ids []string) error {
	now, err := r.Client.GetMessages(ctx, &earshotv1.GetMessagesRequest{Ids: ids})
	if err != nil {
		if localapi.Gone(err) || ctx.Err() != nil {
			return err
		}
		return nil // a node that can't say must not stop the messages
	}
	for _, m := range now.Messages {
		if err := r.becomes(m); err != nil {
			return err
		}
	}
	return nil
}
