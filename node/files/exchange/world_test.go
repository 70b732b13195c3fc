package exchange

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

// one is what most requests are for.
var one = Attachment{Event: someEvent}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is a stream in memory, without a buffer: what is written is read, or waits.
type pipe struct{ net.Conn }

func (p pipe) Reset() error { return p.Close() }

func newPipe() (Stream, Stream) {
	a, b := net.Pipe()
	return pipe{a}, pipe{b}
}

// outcome is what became of a request.
type outcome struct {
	bytes  []byte
	first  Answer
	last   Answer
	pieces int
}

// ask asks for something and waits for all of it.
func ask(t *testing.T, c *Conn, q Request, room int) outcome {
	t.Helper()
	return <-asking(t, c, q, room)
}

func asking(t *testing.T, c *Conn, q Request, room int) <-chan outcome {
	t.Helper()
	into, got := make([]byte, room), 0
	var o outcome
	done := make(chan outcome, 1)
	_, err := c.Ask(q, into, func(a Answer) {
		if o.pieces++; o.pieces == 1 {
			o.first = a
		}
		got += a.Bytes
		if a.Last {
			o.last, o.bytes = a, into[:got]
			done <- o
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}
