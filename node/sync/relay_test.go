package sync_test

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// Words are missing for as long as the session lasts where the only one who could give them has kept them to
// itself. From anybody else they come.
func TestWordsKeptByTheOnlyRelay(t *testing.T) {
	w := newWorld(1, friends)
	w.calm, w.served = true, true
	reader, relay, author, c := w.nodes[0], w.nodes[1], w.nodes[2], w.convs[0]
	w.meet(author, relay)
	w.passes(5 * time.Second)
	author.write(c, 1)
	w.passes(5 * time.Second)
	events := relay.disk.log(author.disk.writing[c.id]).events
	words := events[1]
	without := *words
	without.Body, without.Absent = nil, event.Dropped
	events[1] = &without
	w.meet(reader, relay)
	relay.ends[reader.index].lied = true
	w.passes(5 * time.Second)
	events[1] = words
	if w.checkComplete(reader, c); len(w.failures) > 0 {
		t.Error(w.failures)
	}
	relay.ends[reader.index].lied = false
	if w.checkComplete(reader, c); len(w.failures) != 1 {
		t.Errorf("where the relay has not lied: %q", w.failures)
	}
	w.failures = nil
	w.meet(reader, author)
	w.passes(5 * time.Second)
	if w.checkComplete(reader, c); len(w.failures) > 0 {
		t.Error(w.failures)
	}
}
