package main

import (
	"context"
	"sync"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/store/event"
)

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
