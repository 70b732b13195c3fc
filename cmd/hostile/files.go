package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// asksEach is how many streams each person asks on: twice as many as a contact may.
	asksEach = 8
	// askAhead is how many requests are written at once.
	askAhead = 64
	// wholeFile is a file that is fetched by itself, of several chunks.
	wholeFile = 4 << 20
	// reply is how many bytes a reply may announce.
	replySize = 256 << 10
	// dripEvery is how long somebody slow takes for a byte.
	dripEvery = 4 * time.Second
)

func init() {
	add(map[string]attack{
		"asks":   {about: "n persons who ask for files on 8 streams each, without end", n: 64, run: (*attacker).asks},
		"lies":   {about: "n contacts with size messages of 32 files, each of whom lies in another way when they are fetched", n: len(lies), size: 4, run: (*attacker).lies},
		"offers": {about: "n persons with messages of as many files, and as large previews, as is taken", n: 20, run: (*attacker).offers},
		"many":   {about: "a contact's size messages of 32 files that nobody has", n: 1, size: 4000, run: (*attacker).many},
	})
}

// attached writes a message with files and waits for an answer.
func (a *attacker) attached(ctx context.Context, s *rogue.Session, events []event.Event) error {
	f := s.Run(nil, events)
	if !s.Served(ctx) {
		f = rogue.Opening(events)
	}
	if err := s.Send(f); err != nil {
		return err
	}
	if s.Answer(ctx, answerWithin) == nil {
		a.Count("no answer", 1)
	}
	return nil
}

// asks sends a file, which is fetched of contacts, and has each stream ask for bytes of all chunks in turn: a
// byte of each costs as much as the whole. Of every four streams one never reads.
func (a *attacker) asks(ctx context.Context) error {
	stream := make([]byte, wholeFile)
	rogue.Random(stream)
	f := rogue.NewFile("film.mp4", stream, wholeFile, 0)
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Asks"))
		if err != nil {
			return err
		}
		defer s.Close()
		var bytes atomic.Int64
		go s.Serve(func(b *rogue.Blobs) { // ends with the session
			for {
				q, err := b.Request()
				if err != nil || b.Give(f, &q) != nil {
					return
				}
				if q.What == rogue.AskBytes && bytes.Add(int64(q.Count)) == wholeFile {
					a.Count("files fetched", 1)
				}
			}
		})
		l := s.Direct()
		events := l.Sign(l.Attached(f.Attachment))
		var all sync.WaitGroup
		for k := range asksEach {
			all.Go(func() { // ends with the session
				for ctx.Err() == nil && !s.IsClosed() {
					if err := a.ask(ctx, s.Link, events[0].ID, k%4 > 0); err != nil {
						a.Failed(ctx, "ask", err)
						sleep(ctx, pause)
					}
				}
			})
		}
		a.Failed(ctx, "attach", a.attached(ctx, s, events))
		all.Wait()
		return nil
	})
	return nil
}

// ask is one stream.
func (a *attacker) ask(ctx context.Context, l *rogue.Link, id event.ID, reads bool) error {
	b, err := l.Fetch(ctx)
	if err != nil {
		return err
	}
	defer b.Reset()
	a.Count("streams", 1)
	q := rogue.Request{Event: id[:], What: rogue.AskBytes, Count: 1 << 20}
	if reads {
		q.Count = 1
	}
	for ctx.Err() == nil {
		var some []byte
		for range askAhead {
			q.ID++
			q.First = q.ID % (wholeFile >> 20) << 20
			some = append(some, q.Framed()...)
		}
		if err := b.SetDeadline(time.Now().Add(sendWithin)); err != nil {
			return err
		}
		if _, err := b.Write(some); err != nil {
			return err
		}
		a.Count("requests", askAhead)
		for range askAhead {
			if !reads {
				break
			}
			status, size, err := b.Skip()
			if err != nil {
				return err
			}
			a.Count(fmt.Sprint("replies of ", status), 1)
			a.Count("bytes", int(size))
		}
	}
	return nil
}

// reply writes one.
func reply(b *rogue.Blobs, p rogue.Reply) (bool, error) {
	_, err := b.Write(p.Framed())
	return true, err
}

// offers fills what strangers may have with the names of files, and with pictures of them.
func (a *attacker) offers(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.AnySource(), a.Person(i, "Offers"))
		if err != nil {
			return err
		}
		defer s.Close()
		for _, preview := range []int{0, event.MaxPreview, 100} {
			l := s.Direct()
			files := event.MaxAttachments
			if preview > 0 {
				files = min(files, openingText/preview)
			}
			for full := false; !full && ctx.Err() == nil; {
				if err := s.Send(s.Run(nil, l.Sign(l.Attached(invent(files, 1, preview)...)))); err != nil {
					return err
				}
				a.Count("files", files)
				f := s.Answer(ctx, takenWithin)
				full = f != nil && f.Refused != nil
			}
		}
		s.Until(ctx)
		return nil
	})
	return nil
}

// invent names files that do not exist.
func invent(many, name, preview int) []event.Attachment {
	files := make([]event.Attachment, many)
	for k := range files {
		f := &files[k]
		rogue.Random(f.Manifest[:])
		rogue.Random(f.Key[:])
		f.Size, f.Name = 1, strings.Repeat("x", name)
		if preview > 0 {
			f.Preview, f.Flags = make([]byte, preview), event.AttachedPicture
		}
	}
	return files
}

// many has as many files wanted at once as are fetched by themselves, and gives none.
func (a *attacker) many(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Many"))
		if err != nil {
			return err
		}
		defer s.Close()
		go s.Serve(func(b *rogue.Blobs) { // ends with the session
			for {
				q, err := b.Request()
				if err != nil {
					return
				}
				a.Count("requests", 1)
				if q.What == rogue.AskNoMore {
					continue
				}
				if _, err := reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveNothing}); err != nil {
					return
				}
			}
		})
		if !s.Served(ctx) {
			return errors.New("not served")
		}
		l := s.Direct()
		for sent := 0; sent < a.size && ctx.Err() == nil; {
			const each = 8
			var events []event.Event
			for range each {
				events = append(events, l.Attached(invent(event.MaxAttachments, event.MaxFileName, 0)...))
			}
			if err := s.Send(s.Run(nil, l.Sign(events...))); err != nil {
				return err
			}
			sent += each
			a.Count("files", each*event.MaxAttachments)
		}
		s.Until(ctx)
		return nil
	})
	return nil
}
