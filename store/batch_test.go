package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// TestLastRow: the last row of a conversation is known without looking for it, whatever the batch has put there
// and taken out.
func TestLastRow(t *testing.T) {
	a, _, c := pair(t)
	a.say(c, "before")
	undone := errors.New("undone")
	err := a.do(ctx, func(b *batch) error {
		in, err := b.conversation(c)
		check(t, err)
		before := b.lastRow(in.Number)
		key := func(t int64) []byte { return layout.ViewKey(in.Number, t, event.ID{1}) }
		late, last := key(1), key(event.MaxClock)
		step := func(what string, want []byte) {
			t.Helper()
			if got, found := b.lastRow(in.Number), b.lastKey(bucketView, in.Number); !bytes.Equal(got, want) || !bytes.Equal(found, want) {
				t.Errorf("%s: %x, and %x is there; want %x", what, got, found, want)
			}
		}
		slot := layout.Slot{Log: 1, Sequence: 1}.Bytes()
		step("at first", before)
		b.putRow(in.Number, late, slot)
		step("one put before others", before)
		b.putRow(in.Number, last, slot)
		step("one put after others", last)
		b.deleteRow(in.Number, late)
		step("the first taken out", last)
		b.deleteRow(in.Number, last)
		step("the last taken out", before)
		b.deleteRow(in.Number, before)
		step("all taken out", nil)
		return undone
	})
	if !errors.Is(err, undone) {
		t.Error(err)
	}
}
