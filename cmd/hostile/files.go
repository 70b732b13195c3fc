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

// A lie is how somebody answers who has offered a file.
type lie struct {
	about string
	// claims is how large the manifest says that the file is; 0: it is true.
	claims uint64
	// tell answers a request in place of somebody honest. It is false for what is answered as they do.
	tell telling
	slow bool // and keeps what is fetched from its end
}

type telling func(a *attacker, ctx context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error)

// reply writes one.
func reply(b *rogue.Blobs, p rogue.Reply) (bool, error) {
	_, err := b.Write(p.Framed())
	return true, err
}

// other gives bytes that nobody has asked for in place of those of a kind.
func other(what uint64) telling {
	return func(_ *attacker, _ context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What != what {
			return false, nil
		}
		size, had := q.Count, uint64(0)
		switch what {
		case rogue.AskManifest:
			size, had = 60, 60
		case rogue.AskPages:
			size = wholeFile >> 20 * 32
		}
		return reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Size: size, Had: had, Raw: make([]byte, size)})
	}
}

// always answers everything but one question with a status.
func always(status uint64) telling {
	return func(_ *attacker, _ context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What == rogue.AskHave || q.What == rogue.AskNoMore {
			return false, nil
		}
		return reply(b, rogue.Reply{ID: q.ID, Status: status})
	}
}

// halfThenAll gives a byte of a chunk and says that it isn't here. What else was asked for of it is answered so
// late that it has been asked for again.
func halfThenAll(a *attacker, ctx context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
	if q.What != rogue.AskBytes {
		return false, nil
	}
	if q.ID > 200 {
		return reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveNothing})
	}
	if q.ID > 20 {
		return false, nil
	}
	if q.First%(1<<20) > 0 {
		go func() { // ends with the stream
			if sleep(ctx, time.Second) {
				_, _ = reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveNothing})
			}
		}()
		return true, nil
	}
	if _, err := reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Size: 1, Raw: []byte{0}}); err != nil {
		return true, err
	}
	return reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveNothing})
}

var lies = []lie{
	{about: "other bytes", tell: other(rogue.AskBytes)},
	{about: "other pages", tell: other(rogue.AskPages)},
	{about: "another manifest", tell: other(rogue.AskManifest)},
	{about: "a manifest of 16 TiB", claims: 16 << 40},
	{about: "more than was asked for", tell: func(_ *attacker, _ context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What != rogue.AskBytes {
			return false, nil
		}
		return reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Size: replySize, Raw: make([]byte, replySize)})
	}},
	{about: "pages without end", tell: func(a *attacker, ctx context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What != rogue.AskPages {
			return false, nil
		}
		for ctx.Err() == nil {
			if _, err := reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Size: 32, Raw: make([]byte, 32)}); err != nil {
				a.Count("pages without end ended", 1)
				return true, err
			}
			a.Count("pages", 1)
		}
		return true, ctx.Err()
	}},
	{about: "nothing after all was promised", slow: true, tell: func(_ *attacker, _ context.Context, _ *rogue.Blobs, q *rogue.Request) (bool, error) {
		return q.What == rogue.AskBytes, nil
	}},
	{about: "a byte every four seconds", slow: true, tell: func(a *attacker, ctx context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What != rogue.AskBytes {
			return q.What == rogue.AskNoMore, nil
		}
		_, err := reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Size: q.Count})
		for err == nil && sleep(ctx, dripEvery) {
			a.Count("bytes dripped", 1)
			_, err = b.Write([]byte{0})
		}
		return true, err
	}},
	{about: "chunks that there can't be", tell: func(_ *attacker, _ context.Context, b *rogue.Blobs, q *rogue.Request) (bool, error) {
		if q.What != rogue.AskHave {
			return false, nil
		}
		return reply(b, rogue.Reply{ID: q.ID, Status: rogue.GiveOK, Had: 1 << 24, Chunks: [][2]uint64{{0, 1}, {1 << 20, 1 << 20}}})
	}},
	{about: "a byte, nothing, and all that was called off", tell: halfThenAll},
	{about: "busy for ever", slow: true, tell: always(rogue.GiveBusy)},
	{about: "nothing of what was promised", tell: always(rogue.GiveNothing)},
	{about: "changed for ever", tell: always(rogue.GiveChanged)},
}

// lies are contacts whose files are fetched.
func (a *attacker) lies(ctx context.Context) error {
	stream := make([]byte, wholeFile)
	rogue.Random(stream)
	a.again(ctx, func(i int) error {
		lie := &lies[i%len(lies)]
		size := lie.claims
		if size == 0 {
			size = wholeFile
		}
		f := rogue.NewFile(lie.about, stream, size, 0)
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Lies"))
		if err != nil {
			return err
		}
		defer s.Close()
		if lie.slow && !sleep(ctx, time.Second) { // the others have their turns first
			return nil
		}
		told := sync.OnceFunc(func() { a.Count("lied: "+lie.about, 1) })
		go s.Serve(func(b *rogue.Blobs) { // ends with the session
			for {
				q, err := b.Request()
				if err != nil {
					return
				}
				done := false
				if lie.tell != nil {
					done, err = lie.tell(a, ctx, b, &q)
				}
				if done || lie.claims > 0 {
					told()
				}
				if err == nil && !done {
					err = b.Give(f, &q)
				}
				if err != nil {
					return
				}
			}
		})
		l := s.Direct()
		for range a.size {
			files := make([]event.Attachment, event.MaxAttachments)
			for k := range files {
				files[k] = f.Attachment
				rogue.Random(files[k].Key[:]) // else it would be one file
			}
			if err := a.attached(ctx, s, l.Sign(l.Attached(files...))); err != nil {
				return err
			}
			a.Count("files", len(files))
		}
		if s.Until(ctx) {
			a.Count("sessions until the end", 1)
		}
		return nil
	})
	return nil
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
