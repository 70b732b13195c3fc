package web

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// stands is how long what is sent or read may stand still.
	stands = time.Minute

	// bodyTime is how long the body of a call may take that is not a file's.
	bodyTime = 30 * time.Second

	// restTime is how long the server waits for the rest of a body of which nobody here reads more: it reads a
	// short rest itself, so that another request can follow.
	restTime = time.Second
)

// slow is an answer whose reader may be slow, and must not stand still. The limits are those of the
// connection: where it has none, as in a test, there are none.
type slow struct {
	http.ResponseWriter
	control *http.ResponseController
	asked   *asked
}

func newSlow(w http.ResponseWriter, in *asked) *slow {
	s := &slow{w, http.NewResponseController(w), in}
	s.more()
	return s
}

func (s *slow) more() { _ = s.control.SetWriteDeadline(time.Now().Add(stands)) }

// end leaves time for what is still to be sent, and little for what is still to come.
func (s *slow) end() {
	s.more()
	if !s.asked.whole { // else the server waits for the next request already
		_ = s.control.SetReadDeadline(time.Now().Add(restTime))
	}
}

func (s *slow) Write(b []byte) (int, error) {
	s.more()
	return s.ResponseWriter.Write(b)
}

func (s *slow) FlushError() error {
	s.more()
	return s.control.Flush()
}

func (s *slow) Flush() { _ = s.FlushError() }

func (s *slow) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// asked is the body of a request. It knows whether all of it was read.
type asked struct {
	io.ReadCloser
	whole bool
}

func (a *asked) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.whole = a.whole || errors.Is(err, io.EOF)
	return n, err
}

// body is the content of a file that comes in. It may take as long as it does not stand still.
type body struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b body) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(stands))
	n, err := b.ReadCloser.Read(p)
	if err != nil { // it has ended: nothing more is waited for but the connection's end
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// read reads a body up to a size.
func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, errTooLarge
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime))
	b, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return nil, errInvalid
	case int64(len(b)) > most:
		return nil, errTooLarge
	}
	return b, nil
}
