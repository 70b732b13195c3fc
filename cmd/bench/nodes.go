package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// linesAtOnce is how many lines go into one request of SendLines.
	linesAtOnce = 256

	delivered = "delivered"
	queued    = "queued"
)

// node is a running earshot and a client of its local API.
type node struct {
	*process.Process
	*localapi.Client
	dir, name string
	person    string // its owner's ID
	addr      string // where it listens
}

// up starts the node of a person.
func (b *bench) up(ctx context.Context, dir, name string, flags ...string) (*node, error) {
	p, err := process.Start(ctx, b.binary, append([]string{"--dir", dir, "up", "--name", name, "--notify=off"}, flags...)...)
	if err != nil {
		return nil, err
	}
	n := &node{Process: p, Client: localapi.Dial(dir), dir: dir, name: name}
	status, err := n.Status(ctx, &earshotv1.StatusRequest{})
	if err == nil && len(status.Listening) == 0 {
		err = errors.New("it listens nowhere")
	}
	if err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	n.person, n.addr = status.Person, status.Listening[0]
	return n, nil
}

// upQuiet starts a node that learns of others by --peer only.
func (b *bench) upQuiet(ctx context.Context, dir, name string, peers ...*node) (*node, error) {
	flags := []string{"--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}
	for _, p := range peers {
		flags = append(flags, "--peer", p.addr)
	}
	return b.up(ctx, dir, name, flags...)
}

// Stop ends the node, unless that was done before.
func (n *node) Stop() error {
	if n.Ended() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience) // also when the bench is interrupted
	defer cancel()
	_, err := n.Down(ctx, &earshotv1.DownRequest{})
	n.Close()
	if errors.Is(err, localapi.ErrNotRunning) {
		err = nil // it has ended already; Stop below says how
	}
	return errors.Join(err, n.Process.Stop())
}

// pair starts two nodes that are each other's contacts.
func (b *bench) pair(ctx context.Context) (ann, bob *node, err error) {
	if bob, err = b.upQuiet(ctx, b.folder(), "Bob"); err != nil {
		return nil, nil, err
	}
	if ann, err = b.upQuiet(ctx, b.folder(), "Ann", bob); err != nil {
		return nil, nil, errors.Join(err, bob.Stop())
	}
	err = ann.meet(ctx, bob)
	if err == nil { // by writing to each other they become contacts
		err = errors.Join(ann.say(ctx, bob.person, "hello"), bob.say(ctx, ann.person, "hello"))
	}
	if err != nil {
		return nil, nil, errors.Join(err, ann.Stop(), bob.Stop())
	}
	return ann, bob, nil
}

// meet waits until both see the other.
func (n *node) meet(ctx context.Context, other *node) error {
	return errors.Join(n.see(ctx, other), other.see(ctx, n))
}

func (n *node) see(ctx context.Context, other *node) error {
	return n.until(ctx, n.name+" sees "+other.name, func(ctx context.Context) (bool, error) {
		peers, err := n.Peers(ctx, &earshotv1.PeersRequest{})
		for _, p := range peers.GetPeers() {
			if p.Person == other.person && p.Online {
				return true, nil
			}
		}
		return false, err
	})
}

// until asks after every change, for process.Patience at most.
func (n *node) until(ctx context.Context, what string, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, process.Patience)
	defer cancel()
	changes, err := n.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return err
	}
	defer changes.Close()
	for changes.Receive() {
		if ok, err := ask(ctx); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("did not happen: %s: %w", what, changes.Err())
}

// say sends one message and returns when it is on the disk of the person, or of everybody in the
// group, that who means.
func (n *node) say(ctx context.Context, who, text string) error {
	sent, err := n.Send(ctx, &earshotv1.SendRequest{To: who, Text: text, Wait: delivered, Timeout: durationpb.New(process.Patience)})
	if err == nil && sent.State != delivered && sent.State != "read" {
		err = fmt.Errorf("%s's message to %s is only %s", n.name, sent.To.GetName(), sent.State)
	}
	return err
}

// sayAll sends messages with the numbers from first up and returns when all have come as far as
// wait says.
func (n *node) sayAll(ctx context.Context, to *node, first, count int, wait string) error {
	ctx, cancel := context.WithTimeout(ctx, process.Patience)
	defer cancel()
	return n.sayTexts(ctx, to.person, count, wait, func(i int) string { return string(floor.Message(first + i)) })
}

// sayTexts sends so many messages to WHO and returns when all have come as far as wait says.
func (n *node) sayTexts(ctx context.Context, to string, count int, wait string, text func(i int) string) error {
	stream, err := n.SendLines(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&earshotv1.SendLinesRequest{Open: &earshotv1.SendLinesRequest_Open{To: to, Wait: wait}}); err != nil {
		return err
	}
	wrote := make(chan error, 1)
	go func() { wrote <- writeLines(stream.Send, stream.CloseRequest, count, text) }() // ends when the stream does
	came := 0
	for {
		r, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, stream.CloseResponse(), <-wrote)
		}
		came += len(r.Sent)
		for _, s := range r.Sent {
			if s.State != wait && wait != queued {
				return fmt.Errorf("a message is only %s", s.State)
			}
		}
	}
	err = errors.Join(<-wrote, stream.CloseResponse())
	if err == nil && came != count {
		err = fmt.Errorf("%d of %d messages were answered", came, count)
	}
	return err
}

func writeLines(send func(*earshotv1.SendLinesRequest) error, end func() error, count int, text func(i int) string) error {
	for n := 0; n < count; {
		r := &earshotv1.SendLinesRequest{}
		for ; n < count && len(r.Lines) < linesAtOnce; n++ {
			r.Lines = append(r.Lines, &earshotv1.SendLinesRequest_Line{Text: text(n)})
		}
		if err := send(r); err != nil {
			return errors.Join(err, end())
		}
	}
	return end()
}

// last waits until the newest message is the one with that number, and nothing is missing before
// it. Messages of one author are shown in order, so all before it are there too.
func (n *node) last(ctx context.Context, from *node, number int) (time.Time, error) {
	want := string(floor.Message(number))
	err := n.until(ctx, "the last message is there", func(ctx context.Context) (bool, error) {
		r, err := n.History(ctx, &earshotv1.HistoryRequest{Who: from.person, Limit: 1})
		if err != nil || len(r.Messages) == 0 {
			return false, err
		}
		m := r.Messages[0]
		return m.Text == want && !m.Gap, nil
	})
	return time.Now(), err
}

// arrivals reads everything that came after a cursor, and moves that.
func (n *node) arrivals(ctx context.Context, cursor *string) (all []*earshotv1.Message, err error) {
	for {
		r, err := n.Arrivals(ctx, &earshotv1.ArrivalsRequest{After: *cursor, Limit: 1000})
		if err != nil || len(r.Messages) == 0 {
			return all, err
		}
		all = append(all, r.Messages...)
		*cursor = r.Messages[len(r.Messages)-1].Cursor
	}
}
