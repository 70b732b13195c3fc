package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/store/event"
)

// noticeNode is a fake node in whose groups the test lets something happen.
type noticeNode struct {
	changingNode
	server.People
	server.Reading

	happened []membership.Notice
	followed chan string   // the cursor of each call of Follow
	read     chan struct{} // a value for each call of Unread
}

func (n *noticeNode) Target(_ context.Context, who, _ string) (contacts.Target, error) {
	if who == "Bob" {
		return contacts.Target{Kind: "person", ID: testBob.ID.String()}, nil
	}
	return contacts.Target{Kind: "group", ID: testLunch.ID.String()}, nil
}

func (n *noticeNode) Requests(context.Context) ([]contacts.Request, error) { return nil, nil }

func (n *noticeNode) Unread(context.Context, string, chat.Filter, int) (chat.Page, error) {
	select {
	case n.read <- struct{}{}:
	default: // nobody counts
	}
	return chat.Page{}, nil
}

// Follow tells what has happened after a cursor, which is a number.
func (n *noticeNode) Follow(ctx context.Context, after string, kinds []string, _ chat.Filter, tell func(journal.Batch) error) error {
	n.mu.Lock()
	b := journal.Batch{Cursor: strconv.Itoa(len(n.happened)), Live: true}
	if at, err := strconv.Atoi(after); err == nil {
		for i := range n.happened[at:] {
			b.Changes = append(b.Changes, journal.Change{Kind: journal.Noticed, Notice: &n.happened[at+i]})
		}
	}
	n.mu.Unlock()
	if !slices.Equal(kinds, []string{journal.Noticed}) {
		return journal.ErrKind
	}
	n.followed <- after
	if err := tell(b); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// happens lets something happen.
func (n *noticeNode) happens(all ...membership.Notice) {
	n.mu.Lock()
	n.happened = append(n.happened, all...)
	n.mu.Unlock()
	n.change()
}

// `recv --follow` tells what others do in the owner's groups: also that the owner was removed, and
// that a group has another name. It tells everything once, and nothing that was before.
func TestFollowTellsOfRemovalAndRename(t *testing.T) {
	notice := func(what string, of contacts.Group, also func(*membership.Notice)) membership.Notice {
		n := membership.Notice{What: what, Group: contacts.Target{Kind: "group", ID: of.ID.String(), Name: of.Name}, Name: of.Name, By: &testBob}
		also(&n)
		return n
	}
	other := contacts.Group{ID: event.Conversation{0x18}, Name: "new\x1b[2J"}
	mine := func(n *membership.Notice) { n.Whom, n.Mine = []contacts.Person{{Name: "Ann"}}, true }
	added, removed := notice(membership.NoticeJoined, other, mine), notice(membership.NoticeRemoved, testLunch, mine)
	renamed := notice(membership.NoticeRenamed, testLunch, func(n *membership.Notice) { n.Was = "breakfast" })
	own := notice(membership.NoticeRenamed, testLunch, func(n *membership.Notice) { n.Own = true })
	for _, test := range []struct {
		flags          string
		stdout, stderr []string // a part of each line
	}{
		{"", nil, []string{`* Bob (b000000000000000) added you to #"new\x1b[2J"`, "* Bob (b000000000000000) renamed #breakfast to #lunch", "* Bob (b000000000000000) removed you from #lunch"}},
		{"--json", []string{`{"kind":"notice","notice":"joined","group":`, `"notice":"renamed"`, `"notice":"removed"`}, nil},
		{"--in #lunch", nil, []string{"renamed #breakfast", "removed you from #lunch"}},
		{"--from Bob", nil, nil},
	} {
		n := &noticeNode{changingNode: newChangingNode(), followed: make(chan string, 16), read: make(chan struct{}, 16), happened: []membership.Notice{removed}}
		dir := serve(t, server.Rooms{Node: n, People: n, Reading: n, Journal: n})
		files := make([]*os.File, 2)
		for i := range files {
			f, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			files[i] = f
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int, 1)
		go func() {
			args := append([]string{"--dir", dir, "recv", "--follow"}, strings.Fields(test.flags)...)
			ended <- run(ctx, args, strings.NewReader(""), files[0], files[1])
		}()
		<-n.read
		if test.flags == "--from Bob" {
			n.happens(added)
			<-n.read
		} else {
			if at := <-n.followed; at != "" {
				t.Errorf("%s: begins at %q", test.flags, at)
			}
			n.happens(added, own, renamed)
			n.happens(removed)
			for at := ""; at != "5"; at = <-n.followed { // then everything before it has been written
				n.happens()
			}
		}
		cancel()
		if exit := <-ended; exit != 0 {
			t.Errorf("%s: exit %d", test.flags, exit)
		}
		for i, want := range [][]string{test.stdout, test.stderr} {
			b, err := os.ReadFile(files[i].Name())
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
			if len(want) == 0 && len(b) == 0 {
				continue
			}
			if !slices.EqualFunc(lines, want, strings.Contains) {
				t.Errorf("%s: file %d: %q, want %q", test.flags, i, b, want)
			}
		}
	}
}
