package floor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/process"
)

// Ask is what a process does N times. The answer is how long each of them took, or all together.
type Ask struct {
	Do string // drive: echo, commit, sign, check, each, group; fan: check, each; publish: nothing else
	To int    // of fan and publish: to how many
	N  int
}

// Process is one of a floor.
type Process struct{ *process.Process }

// Ask has the process do something.
func (p *Process) Ask(a Ask) (took []time.Duration, err error) {
	if err := p.Process.Ask(a, &took); err != nil {
		return nil, fmt.Errorf("floor: %s: %w", a.Do, err)
	}
	return took, nil
}

// Do has a driver do something n times.
func (p *Process) Do(what string, n int) ([]time.Duration, error) { return p.Ask(Ask{Do: what, N: n}) }

func start(ctx context.Context, kind, dir string, more ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, self, append([]string{Command, kind, dir}, more...)...)
	if err != nil {
		return nil, err
	}
	return &Process{p}, nil
}

// Idle starts a process that does nothing.
func Idle(ctx context.Context, dir string) (*Process, error) { return start(ctx, "idle", dir) }

// Pair starts a server and a driver, each in a new folder.
func Pair(ctx context.Context, folder func() string) (far, near *Process, err error) {
	if far, err = start(ctx, "serve", folder()); err != nil {
		return nil, nil, err
	}
	if near, err = start(ctx, "drive", folder(), far.Ready); err != nil {
		return nil, nil, errors.Join(err, far.Stop())
	}
	return far, near, nil
}

// Fan starts so many servers, and a process that sends to all of them, each in a new folder. It
// returns those that it started also when it fails.
func Fan(ctx context.Context, folder func() string, to int) (fan *Process, servers []*Process, err error) {
	var addrs []string
	for range to {
		p, err := start(ctx, "serve", folder())
		if err != nil {
			return nil, servers, err
		}
		servers, addrs = append(servers, p), append(addrs, p.Ready)
	}
	fan, err = start(ctx, "fan", folder(), addrs...)
	return fan, servers, err
}

// Gossip starts hearers, each connected to all others, and an author, each in a new folder. There
// are as many hearers as the last and largest of the sizes. It returns those that it started also
// when it fails.
func Gossip(ctx context.Context, folder func() string, sizes []int) (author *Process, hearers []*Process, err error) {
	var addrs []string
	join := func(kind string, number int) (*Process, error) {
		var topics []string
		for _, to := range sizes {
			if number < to {
				topics = append(topics, fmt.Sprint(to))
			}
		}
		return start(ctx, kind, folder(), append([]string{strings.Join(topics, ",")}, addrs...)...)
	}
	for i := range sizes[len(sizes)-1] {
		p, err := join("gossip", i)
		if err != nil {
			return nil, hearers, err
		}
		hearers, addrs = append(hearers, p), append(addrs, p.Ready)
	}
	author, err = join("publish", 0)
	return author, hearers, err
}

// Holder starts a server that holds so many messages.
func Holder(ctx context.Context, dir string, count int) (*Process, error) {
	messages := make([][]byte, count)
	for i := range messages {
		messages[i] = Message(i)
	}
	if err := prepare(dir, messages...); err != nil {
		return nil, err
	}
	return start(ctx, "serve", dir)
}

// Pull has a new process pull all messages from a holder, of which there must be so many, and
// returns how long that took.
func Pull(ctx context.Context, dir string, from *Process, count int) (time.Duration, error) {
	if err := prepare(dir); err != nil { // as a reader that has run before finds it
		return 0, err
	}
	began := time.Now()
	p, err := start(ctx, "pull", dir, from.Ready)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if p.Ready != fmt.Sprint(count) {
		err = fmt.Errorf("floor: pulled %s of %d", p.Ready, count)
	}
	return took, errors.Join(err, p.Stop())
}

// prepare makes the database of a process that is not started yet.
func prepare(dir string, messages ...[]byte) error {
	d, err := openDisk(dir)
	if err != nil {
		return err
	}
	if len(messages) > 0 {
		err = d.put(messages...)
	}
	return errors.Join(err, d.db.Close())
}
