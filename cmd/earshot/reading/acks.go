package reading

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
)

// maxUnacknowledged is how many lines are written before the first of them is acknowledged. So many
// come again after a consumer has died.
const maxUnacknowledged = localapi.MaxPage

// lastAcks is how long a consumer that reads no more has to acknowledge what it has read. If it has
// died, standard input ends at once.
const lastAcks = 5 * time.Second

// errNoMoreAcks ends the reading when standard input has: nothing can be acknowledged any more.
var errNoMoreAcks = errors.New("standard input has ended")

// acks are the lines of --ack that were written, until the consumer says on standard input that it
// has dealt with them. It may do so in any order: what counts as dealt with is everything before
// the first line that is not acknowledged.
type acks struct {
	dealt func(line) // is told of what was dealt with, in order
	full  func(first string)
	room  chan struct{} // has an element for each of lines
	news  chan struct{} // has an element when one was acknowledged

	mu    sync.Mutex
	lines []written // in order
}

// line is the line of a message.
type line struct{ id, cursor string }

type written struct {
	line
	acknowledged bool
}

// newAcks returns acks without lines. full is called with the ID of the first line that is not
// acknowledged when there is no room for another.
func newAcks(dealt func(line), full func(first string)) *acks {
	return &acks{dealt: dealt, full: full, room: make(chan struct{}, maxUnacknowledged), news: make(chan struct{}, 1)}
}

// expect says that a line is about to be written. It waits while there is no room.
func (a *acks) expect(ctx context.Context, l line) error {
	select {
	case a.room <- struct{}{}:
	default:
		a.full(a.first())
		select {
		case a.room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, written{line: l})
	return nil
}

// first returns the ID of the first line that is not acknowledged, or "".
func (a *acks) first() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lines) == 0 {
		return ""
	}
	return a.lines[0].id
}

// acknowledge takes an ID from the consumer. It returns false if no line with this ID waits for it.
func (a *acks) acknowledge(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.lines, func(l written) bool { return l.id == id && !l.acknowledged })
	if i < 0 {
		return false
	}
	a.lines[i].acknowledged = true
	for len(a.lines) > 0 && a.lines[0].acknowledged {
		a.dealt(a.lines[0].line)
		a.lines = a.lines[1:]
		<-a.room
	}
	select {
	case a.news <- struct{}{}:
	default:
	}
	return true
}

// read takes in the IDs on standard input, one a line, until that ends, which is errNoMoreAcks, or
// can't be read on. unknown is called with each that no line waits for.
func (a *acks) read(stdin io.Reader, unknown func(id string)) error {
	in := bufio.NewScanner(stdin)
	for in.Scan() {
		if id := strings.ToLower(strings.TrimSpace(in.Text())); id != "" && !a.acknowledge(id) {
			unknown(id)
		}
	}
	if err := in.Err(); err != nil {
		return problem.Failed(problem.CodeInput, "read stdin: %v", err)
	}
	return errNoMoreAcks
}

// last waits for what is still to be acknowledged, after reading has ended with err. Its context
// ends by errNoMoreAcks when standard input has ended.
func (a *acks) last(ctx context.Context, err error) error {
	for err == nil && ctx.Err() == nil && a.first() != "" {
		select {
		case <-a.news:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if errors.Is(err, syscall.EPIPE) { // a consumer that has died may have acknowledged lines before
		select {
		case <-ctx.Done():
		case <-time.After(lastAcks):
		}
		return err
	}
	if errors.Is(context.Cause(ctx), errNoMoreAcks) {
		return a.missing()
	}
	return err
}

// missing is an error if a line has not been acknowledged.
func (a *acks) missing() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, l := range a.lines {
		if !l.acknowledged {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return problem.Failed(problem.CodeAck, "%s not acknowledged, the first of them %s", count(n, "line was", "lines were"), a.lines[0].id)
}
