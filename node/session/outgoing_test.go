package session

import (
	"context"
	"io"
	"testing"

	"github.com/earshot-im/earshot/node/wire"
)

// What was added before drain is known to have left when it has, whatever was added after it.
func TestOutgoingTellsWhatHasLeft(t *testing.T) {
	var o outgoing
	o.init()
	if !o.drain() {
		t.Error("nothing was added, and has not left")
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.write(ctx, w) }() // ends below
	const first, second = 3*writeSize + 100, writeSize
	for _, n := range []int{first, second} {
		if err := o.add(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if n == first && o.drain() {
			t.Error("nothing was read, and all has left")
		}
	}
	read := func(n int) {
		t.Helper()
		if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
			t.Fatal(err)
		}
	}
	read(first)
	select {
	case <-o.drained:
		t.Error("it has left too soon")
	default:
	}
	read(second) // with it goes the rest of the first
	<-o.drained
	if o.drain() {
		t.Error("the last bytes were not read, and all has left")
	}
	read(3 + 3) // the lengths
	<-o.drained
	if !o.drain() {
		t.Error("all was read, and has not left")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who doesn't read is not read from, and in the end cut off, also while a write is under way.
func TestOutgoingIsBounded(t *testing.T) {
	var o outgoing
	o.init()
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- o.write(t.Context(), w) }() // ends below
	n := 0
	for ; o.unsent() <= muchUnsent; n++ {
		if err := o.add(make([]byte, wire.MaxFrame)); err != nil {
			t.Fatal(err)
		}
	}
	if n < 6 {
		t.Errorf("%d frames are much", n)
	}
	for ; o.add(make([]byte, 1000)) == nil; n++ {
	}
	if n > 2000 {
		t.Errorf("%d frames wait", n)
	}
	r.Close()
	if err := <-done; err != io.ErrClosedPipe {
		t.Error(err)
	}
}
