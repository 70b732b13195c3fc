// Package nodes has the nodes that the bench measures: processes of the real binary, each with a directory of its
// own, which are asked through the local API. They listen on loopback.
//
// A Place starts them, and gives folders away. Whoever starts a node stops it. Every wait is bounded by
// process.Patience. A Place and its nodes belong to one goroutine; the clients of nodes are for many.
package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// States of a message, for which a sender can wait.
const (
	Delivered = "delivered"
	Queued    = "queued"
)

// linesAtOnce is how many lines go into one request of SendLines.
const linesAtOnce = 256

// Place is where nodes are started.
type Place struct {
	Binary string // of earshot
	Dir    string // for everything
	made   int    // folders
}

// Folder names a folder that is not there yet.
func (p *Place) Folder() string {
	p.made++
	return filepath.Join(p.Dir, fmt.Sprint(p.made))
}

// Node is a running earshot and a client of its local API.
type Node struct {
	*process.Process
	*localapi.Client
	Dir, Name string
	Person    string // its owner's ID
	Addr      string // where it listens
}

// Up starts the node of a person.
func (p *Place) Up(ctx context.Context, dir, name string, flags ...string) (*Node, error) {
	started, err := process.Start(ctx, p.Binary, append([]string{"--dir", dir, "up", "--name", name, "--notify=off"}, flags...)...)
	if err != nil {
		return nil, err
	}
	n := &Node{Process: started, Client: localapi.Dial(dir), Dir: dir, Name: name}
	if err := n.know(ctx); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// At returns a node that runs in a directory already, and is of no process that this one could stop.
func At(ctx context.Context, dir, name string) (*Node, error) {
	n := &Node{Client: localapi.Dial(dir), Dir: dir, Name: name}
	if err := n.know(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// know asks the node who and where it is.
func (n *Node) know(ctx context.Context) error {
	status, err := n.Status(ctx, &earshotv1.StatusRequest{})
	if err == nil && len(status.Listening) == 0 {
		err = errors.New("it listens nowhere")
	}
	if err != nil {
		return err
	}
	n.Person, n.Addr = status.Person, status.Listening[0]
	return nil
}

// UpQuiet starts a node that learns of others by --peer only.
func (p *Place) UpQuiet(ctx context.Context, dir, name string, peers ...*Node) (*Node, error) {
	flags := []string{"--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}
	for _, peer := range peers {
		flags = append(flags, "--peer", peer.Addr)
	}
	return p.Up(ctx, dir, name, flags...)
}

// Stop ends the node, unless that was done before.
func (n *Node) Stop() error {
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

// Kill ends the node as it would not end itself.
func (n *Node) Kill() error {
	n.Close()
	return n.Process.Kill()
}

// Pair starts two nodes that are each other's contacts.
func (p *Place) Pair(ctx context.Context) (ann, bob *Node, err error) {
	if bob, err = p.UpQuiet(ctx, p.Folder(), "Bob"); err != nil {
		return nil, nil, err
	}
	if ann, err = p.UpQuiet(ctx, p.Folder(), "Ann", bob); err != nil {
		return nil, nil, errors.Join(err, bob.Stop())
	}
	err = ann.Meet(ctx, bob)
	if err == nil { // by writing to each other they become contacts
		err = errors.Join(ann.Say(ctx, bob.Person, "hello"), bob.Say(ctx, ann.Person, "hello"))
	}
	if err != nil {
		return nil, nil, errors.Join(err, ann.Stop(), bob.Stop())
	}
	return ann, bob, nil
}

// Meet waits until both see the other.
func (n *Node) Meet(ctx context.Context, other *Node) error {
	return errors.Join(n.see(ctx, other), other.see(ctx, n))
}

func (n *Node) see(ctx context.Context, other *Node) error {
	return n.Until(ctx, n.Name+" sees "+other.Name, func(ctx context.Context) (bool, error) {
		peers, err := n.Peers(ctx, &earshotv1.PeersRequest{})
		for _, p := range peers.GetPeers() {
			if p.Person == other.Person && p.Online {
				return true, nil
			}
		}
		return false, err
	})
}

// Until asks after every change, for process.Patience at most.
func (n *Node) Until(ctx context.Context, what string, ask func(context.Context) (bool, error)) error {
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

// Say sends one message and returns when it is on the disk of the person, or of everybody in the
// group, that who means.
func (n *Node) Say(ctx context.Context, who, text string) error {
	sent, err := n.Send(ctx, &earshotv1.SendRequest{To: who, Text: text, Wait: Delivered, Timeout: durationpb.New(process.Patience)})
	if err == nil && sent.State != Delivered && sent.State != "read" {
		err = fmt.Errorf("%s's message to %s is only %s", n.Name, sent.To.GetName(), sent.State)
	}
	return err
}

// Put sends a message, and returns when it is on the node's disk.
func (n *Node) Put(ctx context.Context, who, text string) error {
	_, err := n.Send(ctx, &earshotv1.SendRequest{To: who, Text: text})
	return err
}

// SayAll sends messages with the numbers from first up and returns when all have come as far as
// wait says.
func (n *Node) SayAll(ctx context.Context, to *Node, first, count int, wait string) error {
	ctx, cancel := context.WithTimeout(ctx, process.Patience)
	defer cancel()
	return n.SayTexts(ctx, to.Person, count, wait, func(i int) string { return string(floor.Message(first + i)) })
}

// SayTexts sends so many messages to WHO and returns when all have come as far as wait says.
func (n *Node) SayTexts(ctx context.Context, to string, count int, wait string, text func(i int) string) error {
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
			if s.State != wait && wait != Queued {
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

// Hear has another write messages to the node: in a group of the two for each of sizes, so many. It waits until
// all are there.
func (n *Node) Hear(ctx context.Context, other *Node, sizes []int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*process.Patience)
	defer cancel()
	random := rand.New(rand.NewPCG(9, 9))
	for i, messages := range sizes {
		g, err := other.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: fmt.Sprint("Table ", i)})
		if err == nil {
			_, err = other.Invite(ctx, &earshotv1.InviteRequest{Group: g.Id, Who: []string{n.Person}})
		}
		if err == nil {
			err = other.SayTexts(ctx, g.Id, messages, Delivered, func(int) string { return Sentence(random) })
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// Last waits until the newest message is the one with that number, and nothing is missing before
// it. Messages of one author are shown in order, so all before it are there too.
func (n *Node) Last(ctx context.Context, from *Node, number int) (time.Time, error) {
	want := string(floor.Message(number))
	err := n.Until(ctx, "the last message is there", func(ctx context.Context) (bool, error) {
		r, err := n.History(ctx, &earshotv1.HistoryRequest{Who: from.Person, Limit: 1})
		if err != nil || len(r.Messages) == 0 {
			return false, err
		}
		m := r.Messages[0]
		return m.Text == want && !m.Gap, nil
	})
	return time.Now(), err
}

// Arrived reads everything that came after a cursor, and moves that.
func (n *Node) Arrived(ctx context.Context, cursor *string) (all []*earshotv1.Message, err error) {
	for {
		r, err := n.Arrivals(ctx, &earshotv1.ArrivalsRequest{After: *cursor, Limit: 1000})
		if err != nil || len(r.Messages) == 0 {
			return all, err
		}
		all = append(all, r.Messages...)
		*cursor = r.Messages[len(r.Messages)-1].Cursor
	}
}
