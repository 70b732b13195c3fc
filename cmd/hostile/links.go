package main

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"sync"
	"time"

	libcrypto "github.com/libp2p/go-libp2p/core/crypto"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
)

// streamsEach is how many streams a link may hold.
const streamsEach = 32

func init() {
	add(map[string]attack{
		"half":    {about: "n TCP connections that say nothing", n: 400, run: (*attacker).half},
		"idle":    {about: "n links without a stream", n: 300, run: (*attacker).idle},
		"streams": {about: "n links with 32 streams each that name no protocol", n: 60, run: (*attacker).streams},
		"keys":    {about: "n links by keys of another kind, again and again", n: 8, run: (*attacker).keys},
	})
}

// half opens connections and is silent on them. Whatever is closed is opened again.
func (a *attacker) half(ctx context.Context) error {
	a.each(func(i int) {
		for ctx.Err() == nil {
			c, err := a.Connect(ctx, a.Source(i))
			if err == nil {
				a.Count("connections", 1)
				_, err = c.Read(make([]byte, 64))
				for err == nil { // the victim names its protocol first
					_, err = c.Read(make([]byte, 64))
				}
				_ = c.Close()
			}
			a.Failed(ctx, "connection", err)
			sleep(ctx, pause)
		}
	})
	return nil
}

// idle completes links and leaves them alone.
func (a *attacker) idle(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		l, err := a.Link(ctx, a.Source(i), a.Person(i, "Idle"))
		if err != nil {
			return err
		}
		a.Count("links", 1)
		if !l.Until(ctx) {
			return errors.New("the link was closed")
		}
		a.Count("links until the end", 1)
		return nil
	})
	return nil
}

// streams holds streams that name no protocol. Those that are reset are opened again.
func (a *attacker) streams(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		l, err := a.Link(ctx, a.Source(i), a.Person(i, "Streams"))
		if err != nil {
			return err
		}
		a.Count("links", 1)
		var all sync.WaitGroup
		for range streamsEach {
			all.Go(func() { // ends with the link
				for ctx.Err() == nil && !l.IsClosed() {
					a.silent(ctx, l)
				}
			})
		}
		all.Wait()
		return nil
	})
	return nil
}

// silent holds one stream as long as it is let.
func (a *attacker) silent(ctx context.Context, l *rogue.Link) {
	s, err := l.OpenStream(ctx)
	if err != nil {
		a.Failed(ctx, "stream", err)
		sleep(ctx, pause)
		return
	}
	began := time.Now()
	for err == nil {
		_, err = s.Read(make([]byte, 64))
	}
	_ = s.Reset()
	if ctx.Err() != nil {
		a.Count("streams until the end", 1)
	}
	a.Most("longest_stream_ms", time.Since(began).Milliseconds())
	a.Count("streams", 1)
	if time.Since(began) < pause {
		sleep(ctx, pause)
	}
}

// keys comes as devices whose keys can't belong to any.
func (a *attacker) keys(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		key, _, err := libcrypto.GenerateECDSAKeyPair(cryptorand.Reader)
		if err != nil {
			return err
		}
		p := a.Person(i, "Keys")
		p.TLS = rogue.Must(libp2ptls.NewIdentity(key))
		l, err := a.Link(ctx, a.Source(i), p)
		if err != nil {
			a.Count("refused at once", 1)
			return err
		}
		began := time.Now()
		l.Until(ctx) // the client's side of the handshake is over before the server has judged its key
		a.Most("longest_link_ms", time.Since(began).Milliseconds())
		a.Count("links", 1)
		return nil
	})
	return nil
}
