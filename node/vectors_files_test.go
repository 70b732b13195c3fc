package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
)

// offered is a file of which one chunk is here, or all.
type offered struct {
	stream   []byte
	manifest blob.Manifest
	page     blob.Page
	partly   bool
}

func (o *offered) Open(_ context.Context, _ give.Peer, of exchange.Attachment) (give.Source, error) {
	if of.Index > 1 {
		return nil, give.ErrNotHere
	}
	o.partly = of.Index == 1
	return o, nil
}

func (o *offered) Manifest(_ context.Context, into []byte) (int, error) {
	return copy(into, o.manifest.Marshal()), nil
}

func (o *offered) Page(_ context.Context, _ int, into []byte) (int, error) {
	return copy(into, o.page.Bytes()), nil
}

func (o *offered) Chunk(_ context.Context, i int, into []byte) (int, error) {
	offset, size := o.manifest.Shape().Chunk(i)
	return copy(into, o.stream[offset:][:size]), nil
}

func (o *offered) Have() (chunks int, some []exchange.Chunks) {
	if o.partly {
		return 1, []exchange.Chunks{{First: 1, Count: 1}}
	}
	return 2, nil
}

func (o *offered) Close() {}

// tapped is a stream that keeps what is written to it.
type tapped struct {
	net.Conn
	wrote *bytes.Buffer // by the only goroutine that writes
}

func (s tapped) Reset() error { return s.Close() }

func (s tapped) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	s.wrote.Write(b[:n])
	return n, err
}

// fileFrames is what two ends of a stream of files say of a file of two chunks: for each request, what is
// answered.
func fileFrames(t *testing.T, s schema) string {
	const size = blob.ChunkSize + 5
	file := &offered{stream: make([]byte, size), manifest: blob.Manifest{Kind: blob.File, Size: size}}
	for i := range file.stream {
		file.stream[i] = byte(i % 251)
	}
	err := blob.Build(&file.manifest, bytes.NewReader(file.stream), func(_ int, chunk []byte) (crypto.Hash, error) { return blob.Leaf(chunk), nil },
		func(_ int, p blob.Page) error { file.page = p; return nil })
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	asks, answers := tapped{a, new(bytes.Buffer)}, tapped{b, new(bytes.Buffer)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	conn := exchange.NewConn(func(context.Context) (exchange.Stream, error) { return asks, nil })
	go func() { ended <- conn.Run(ctx) }()
	account := budget.New(budget.Config{}).Open(netip.Addr{})
	account.Identify(crypto.PersonID{}, budget.Contact)
	go func() {
		giver := give.New(give.Config{Backend: file, Log: slog.New(slog.DiscardHandler)})
		ended <- giver.Serve(ctx, answers, give.Peer{Standing: budget.Contact, Account: account})
	}()
	message := event.ID{0xe0, 31: 0x0e}
	for _, q := range []exchange.Request{
		{Of: exchange.Attachment{Event: message}, What: exchange.Have},
		{Of: exchange.Attachment{Event: message}, What: exchange.Manifest},
		{Of: exchange.Attachment{Event: message}, What: exchange.Pages, Count: 1},
		{Of: exchange.Attachment{Event: message}, What: exchange.Bytes, First: blob.ChunkSize, Count: 5},
		{Of: exchange.Attachment{Event: message, Index: 1}, What: exchange.Have},
		{Of: exchange.Attachment{Event: message, Index: 2}, What: exchange.Have},
	} {
		into := map[exchange.What]int{exchange.Manifest: blob.MaxManifest, exchange.Pages: len(file.page.Bytes()), exchange.Bytes: q.Count}[q.What]
		last := make(chan exchange.Answer, 1)
		if _, err := conn.Ask(q, make([]byte, into), func(a exchange.Answer) {
			if a.Last {
				last <- a
			}
		}); err != nil {
			t.Fatal(err)
		}
		if a := <-last; a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	cancel()
	<-ended
	<-ended
	var l bytes.Buffer
	frame := func(what string, from *bytes.Buffer) (of []byte) {
		size, err := binary.ReadUvarint(from)
		if err != nil {
			t.Fatal(err)
		}
		of = bytes.Clone(from.Next(int(size)))
		text, err := s.dump(protocolDoc, what, of)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&l, "# %s, %d bytes\n%s", what, size, text)
		return of
	}
	for asks.wrote.Len() > 0 {
		frame("Request", asks.wrote)
		reply := frame("Reply", answers.wrote)
		if behind := sizeIn(reply); behind > 0 {
			raw := answers.wrote.Next(behind)
			if len(raw) > 96 {
				t.Fatalf("%d bytes behind a reply", len(raw))
			}
			fmt.Fprintf(&l, "# and %d bytes behind it\n", behind)
			for len(raw) > 0 {
				fmt.Fprintf(&l, "%22s %x\n", "", raw[:min(32, len(raw))])
				raw = raw[min(32, len(raw)):]
			}
		}
	}
	if left, _ := io.ReadAll(answers.wrote); len(left) > 0 {
		t.Fatalf("%x is left", left)
	}
	return l.String()
}

// sizeIn reads how many raw bytes are behind a reply.
func sizeIn(reply []byte) int {
	for len(reply) > 0 {
		tag, n := binary.Uvarint(reply)
		value, m := binary.Uvarint(reply[n:])
		switch {
		case tag == 3<<3:
			return int(value)
		case tag&7 == 2:
			m += int(value)
		}
		reply = reply[n+m:]
	}
	return 0
}
