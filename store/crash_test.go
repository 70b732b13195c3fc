package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/crash"
	"github.com/earshot-im/earshot/store/engine"
	"github.com/earshot-im/earshot/store/event"
)

// promised is what was acknowledged.
type promised struct {
	words   map[event.ID]string // of messages; empty once recalled
	receipt event.Record        // the last one that was signed
}

// String keeps what a failing test says short.
func (p promised) String() string { return fmt.Sprintf("%d messages", len(p.words)) }

// TestPowerCut cuts the power while a store writes, takes and recalls messages. Whatever is left can be opened,
// has every message that was acknowledged, each once, and what is kept about them agrees with them.
func TestPowerCut(t *testing.T) {
	long(t)
	const wanted = 250 // states of each seed
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			files, all, of := recorded(t, seed)
			count := 0
			for range files.States(seed) {
				count++
			}
			rng := rand.New(rand.NewPCG(seed, 5))
			opened := 0
			for s := range files.States(seed) {
				if rng.IntN(count) > wanted {
					continue
				}
				opened++
				dir := filepath.Join(t.TempDir(), "state")
				check(t, s.Write(dir))
				n := &node{t: t, dir: dir, at: epoch.Add(time.Hour)}
				n.open()
				if marks := s.Marks(); len(marks) > 0 {
					marks[len(marks)-1].(promised).keptBy(n, of, all)
					n.audit(t)
					id := n.say(of.Conversation, "one more").ID
					n.reopen()
					_, err := n.Row(id)
					check(t, err)
				}
				n.stop()
				if t.Failed() {
					t.Fatalf("%v", s)
				}
				check(t, os.RemoveAll(dir))
			}
			t.Logf("%d states of %d, %d messages", opened, count, len(all.words))
		})
	}
}

// keptBy checks a node that was started after a crash. all is what was promised in the end: of that it may have
// more.
func (p promised) keptBy(n *node, of Subject, all promised) {
	n.t.Helper()
	seen := make(map[event.ID]int)
	for _, r := range n.rows(of.Conversation) {
		seen[r.ID]++
		said, written := all.words[r.ID]
		acknowledged, known := p.words[r.ID]
		switch {
		case !written:
			n.t.Errorf("%q was never written", r.Text)
		case r.Recalled && said != "", known && acknowledged == "" && !r.Recalled:
			n.t.Errorf("%q is recalled: %t", said, r.Recalled)
		case !r.Recalled && known && r.Text != acknowledged:
			n.t.Errorf("%q has become %q", acknowledged, r.Text)
		}
	}
	for id, words := range p.words {
		if seen[id] != 1 {
			n.t.Errorf("%q is there %d times", words, seen[id])
		}
	}
	if p.receipt.Counter == 0 {
		return
	}
	record, _, err := n.SignReceipt(ctx, of, func(event.Receipt) bool { return true })
	check(n.t, err)
	if same := bytes.Equal(record.Value, p.receipt.Value); record.Counter < p.receipt.Counter || record.Counter == p.receipt.Counter && !same {
		n.t.Errorf("receipt %d after %d, the same: %t", record.Counter, p.receipt.Counter, same)
	}
}

// recorded has a store do some work over a recorder. It returns what was promised in the end, and on what its
// receipts are.
func recorded(t *testing.T, seed uint64) (*crash.Recorder, promised, Subject) {
	dir := t.TempDir()
	files, err := crash.NewRecorder(dir)
	check(t, err)
	n := &node{t: t, dir: dir, at: epoch, journal: 24 << 10, disk: files}
	n.commit = func(name string, f func() error) error { return files.Commit(name, name != engine.Database, f) }
	n.open()
	t.Cleanup(func() { n.stop() })
	o := newNode(t)
	n.know(o)
	o.know(n)
	c := event.Direct(n.own.Person, o.own.Person)
	of := Subject{c, o.own.Person}
	p := promised{words: make(map[event.ID]string)}
	rng := rand.New(rand.NewPCG(seed, 4))
	var own []event.ID // that can be recalled
	for i := range 60 {
		n.wait(time.Second)
		o.wait(time.Second)
		switch rng.IntN(9) {
		case 0, 1:
			words := fmt.Sprintf("theirs %d", i)
			p.words[o.say(c, words).ID] = words
			meet(o, n, c)
		case 2:
			meet(n, o, c)
			own = nil
		case 3:
			if len(own) > 0 {
				at := rng.IntN(len(own))
				_, err := n.Recall(ctx, own[at])
				check(t, err)
				p.words[own[at]] = ""
				own = append(own[:at:at], own[at+1:]...)
			}
		case 4:
			unread, _, err := n.Unread(0, 10, nil)
			check(t, err)
			for _, r := range unread {
				check(t, n.MarkRead(ctx, true, r.ID))
			}
			record, signed, err := n.SignReceipt(ctx, of, func(event.Receipt) bool { return true })
			if err == nil && signed {
				p.receipt = record
			}
		case 5:
			if rng.IntN(3) == 0 {
				n.reopen()
			} else {
				check(t, n.db.Checkpoint(ctx))
			}
		default:
			words := fmt.Sprintf("own %d %s", i, strings.Repeat(".", rng.IntN(2000)))
			id := n.say(c, words).ID
			p.words[id] = words
			own = append(own, id)
		}
		files.Mark(promised{maps.Clone(p.words), p.receipt})
	}
	n.stop()
	return files, p, of
}
