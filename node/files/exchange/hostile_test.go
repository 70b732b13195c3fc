package exchange

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// drain reads what comes until the stream ends, and throws it away.
func drain(s Stream) { _, _ = io.Copy(io.Discard, struct{ io.Reader }{s}) }

// conversation is what a giver says that follows no rules, to one request for each of the kinds.
func TestMalformedReplies(t *testing.T) {
	frame := func(p Reply) string { return string(AppendFrame(nil, p.Marshal())) }
	ok := func(id uint64, size int) string { return frame(Reply{ID: id, Status: OK, Size: size}) }
	for what, says := range map[string]string{
		"a number that was not asked":    ok(5, 1) + "x",
		"a number twice":                 ok(1, 9) + "123456789" + ok(1, 1) + "x",
		"more than was asked":            ok(1, 10) + "1234567890",
		"more in two":                    ok(1, 6) + "123456" + ok(1, 4) + "7890",
		"nothing":                        ok(1, 0),
		"have, to a request for bytes":   frame(Reply{ID: 1, Status: OK, Had: 1}),
		"bytes, with had":                frame(Reply{ID: 1, Status: OK, Size: 1, Had: 1}) + "x",
		"a manifest without its size":    ok(2, 1) + "x",
		"a manifest larger than it says": frame(Reply{ID: 2, Status: OK, Size: 3, Had: 2}) + "xxx",
		"a manifest too large":           frame(Reply{ID: 2, Status: OK, Size: 1, Had: 21}) + "x",
		"a manifest with two sizes":      frame(Reply{ID: 2, Status: OK, Size: 1, Had: 2}) + "x" + frame(Reply{ID: 2, Status: OK, Size: 1, Had: 2}) + "x",
		"have with bytes":                frame(Reply{ID: 4, Status: OK, Size: 1, Had: 1}) + "x",
		"bytes with chunks":              frame(Reply{ID: 1, Status: OK, Size: 1, Had: 1, Some: []Chunks{{0, 1}}}) + "x",
		"too many pages":                 ok(3, 65) + strings.Repeat("x", 65),
		"nonsense":                       "HTTP/1.1 200 OK\r\n",
		"a long frame":                   "\xff\x7f",
		"cut off":                        ok(1, 9) + "123",
		"a cut off frame":                "\x05\x08",
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ours, theirs := newPipe()
			c := NewConn(func(context.Context) (Stream, error) { return ours, nil })
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			into := bytes.Repeat([]byte{'.'}, 200)
			var all []error
			done := make(chan bool)
			last := func(a Answer) {
				if a.Last && a.Err != nil {
					all = append(all, a.Err)
				}
				if a.Last && a.Err != nil && len(all) == 1 {
					close(done)
				}
			}
			for _, k := range []struct {
				q    Request
				into []byte
			}{{Request{Of: one, What: Bytes, Count: 9}, into[:9:9]}, {Request{Of: one, What: Manifest}, into[20:40:40]},
				{Request{Of: one, What: Pages, Count: 1}, into[50:114:114]}, {Request{Of: one, What: Have}, nil}} {
				if _, err := c.Ask(k.q, k.into, last); err != nil {
					t.Fatal(err)
				}
			}
			go drain(theirs)
			synctest.Wait()
			_, _ = theirs.Write([]byte(says))
			_ = theirs.Close()
			<-done
			cancel()
			<-ended
			for _, err := range all {
				if !errors.Is(err, ErrBroken) || !errors.Is(err, ErrMalformed) && what != "cut off" {
					t.Errorf("%s: %v", what, err)
				}
			}
			if len(all) < 3 || strings.Trim(string(into[9:20])+string(into[40:50])+string(into[114:]), ".") != "" {
				t.Errorf("%s: %d ends, %q", what, len(all), into)
			}
		})
	}
}

// An answer to what was not written yet was not asked for.
func TestReplyInAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := newPipe()
		c := NewConn(func(context.Context) (Stream, error) { return ours, nil })
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		w := asking(t, c, Request{Of: one, What: Have}, 0)
		synctest.Wait() // it is being written, and nobody reads it
		w2 := asking(t, c, Request{Of: one, What: Have}, 0)
		go func() { _, _ = theirs.Write(AppendFrame(nil, (&Reply{ID: 2, Status: NotHere}).Marshal())) }()
		if o := <-w2; !errors.Is(o.last.Err, ErrMalformed) {
			t.Errorf("%+v", o)
		}
		<-w
		cancel()
		<-ended
	})
}

// A giver who says nothing for 5 s is given up, whatever it has said before; the next question goes over
// another stream.
func TestSilentGiver(t *testing.T) {
	for _, says := range []string{"", "\x05", "\x06\x08\x01\x10\x01\x18\x05abc"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			streams := 0
			c := NewConn(func(context.Context) (Stream, error) {
				ours, theirs := newPipe()
				streams++
				go func() {
					_, _ = theirs.Read(make([]byte, MaxRequest)) // what is asked
					_, _ = theirs.Write([]byte(says))
					drain(theirs)
				}()
				return ours, nil
			})
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			for i := range 3 {
				time.Sleep(time.Duration(i) * 1700 * time.Millisecond)
				began := time.Now()
				into := 5
				o := ask(t, c, Request{Of: one, What: Bytes, Count: into}, into)
				if !errors.Is(o.last.Err, ErrSilent) && !(i > 0 && says != "" && errors.Is(o.last.Err, ErrMalformed)) || time.Since(began) > Silence {
					t.Errorf("%q: %v after %v", says, o.last.Err, time.Since(began))
				}
			}
			if streams != 3 {
				t.Errorf("%d streams", streams)
			}
			cancel()
			<-ended
		})
	}
}

// While the one who asked is at work on what has come, nothing more is read.
func TestSlowConsumerHoldsUpItsPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := newPipe()
		c := NewConn(func(context.Context) (Stream, error) { return ours, nil })
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		work, done := make(chan bool), make(chan Answer, 1)
		if _, err := c.Ask(Request{Of: one, What: Bytes, Count: 1 << 20}, make([]byte, 1<<20), func(a Answer) {
			<-work
			if a.Last {
				done <- a
			}
		}); err != nil {
			t.Fatal(err)
		}
		go drain(theirs)
		synctest.Wait()
		var written atomic.Int64
		go func() {
			for range 16 {
				b := AppendFrame(nil, (&Reply{ID: 1, Status: OK, Size: 64 << 10}).Marshal())
				n, _ := theirs.Write(append(b, make([]byte, 64<<10)...))
				written.Add(int64(n))
			}
		}()
		time.Sleep(time.Minute)
		if written.Load() > 2*65<<10 {
			t.Errorf("%d bytes were taken", written.Load())
		}
		close(work)
		if a := <-done; a.Status != OK {
			t.Errorf("%+v", a)
		}
		cancel()
		<-ended
	})
}

func TestWhatNobodyMayAsk(t *testing.T) {
	c := NewConn(nil)
	for _, k := range []struct {
		q    Request
		room int
	}{{Request{Of: one}, 1}, {Request{What: CallOff, First: 1}, 0}, {Request{Of: one, What: Bytes, Count: 9}, 8}, {Request{Of: one, What: Bytes, Count: 9}, 10},
		{Request{Of: one, What: Manifest}, 0}, {Request{Of: one, What: Pages, Count: 1}, 0}, {Request{Of: Attachment{someEvent, -1}, What: Have}, 0},
		{Request{Of: one, What: Bytes, First: 1, Count: 1 << 20}, 1 << 20}, {Request{Of: one, What: Bytes, Count: -1}, 0}} {
		if _, err := c.Ask(k.q, make([]byte, k.room), nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v", k.q, err)
		}
	}
}

// FuzzTalk: whatever a peer answers, each request gets one last answer, and no buffer is left.
func FuzzTalk(f *testing.F) {
	for b := range replies {
		b, _ := hex.DecodeString(b)
		f.Add(append(AppendFrame(nil, b), make([]byte, 100)...))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ours, theirs := newPipe()
			c := NewConn(func(context.Context) (Stream, error) {
				if ours == nil {
					return nil, io.EOF
				}
				s := ours
				ours = nil
				return s, nil
			})
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			waits := []<-chan outcome{asking(t, c, Request{Of: one, What: Bytes, Count: 72}, 72), asking(t, c, Request{Of: one, What: Manifest}, 99),
				asking(t, c, Request{Of: one, What: Pages, Count: 1}, 64), asking(t, c, Request{Of: one, What: Have}, 0)}
			go drain(theirs)
			synctest.Wait()
			_, _ = theirs.Write(in)
			_ = theirs.Close()
			for _, w := range waits {
				if o := <-w; (o.last.Err == nil) == (o.last.Status == 0) {
					t.Errorf("%+v", o)
				}
			}
			cancel()
			<-ended
		})
	})
}
