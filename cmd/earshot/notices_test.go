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
	"github.com/earshot-im/earshot/store/event"
)

// noticeNode is a fake node in whose groups the test lets something happen.
type noticeNode struct {
	changingNode
	server.People
	server.Reading

	happened []contacts.Notice
	messages []chat.Message // what Unread gives, once
	changed  []chat.Message // what they are later
	followed chan string    // the cursor of each call of Follow
	read     chan struct{}  // a value for each call of Unread
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
	n.mu.Lock()
	defer n.mu.Unlock()
	page := chat.Page{Messages: n.messages, Cursor: "1"}
	n.messages = nil
	return page, nil
}

func (n *noticeNode) MarkRead(context.Context, ...event.ID) error { return nil }

func (n *noticeNode) MarkArrived(context.Context, ...string) error { return nil }

// Follow tells what has happened after a cursor, which is a number.
func (n *noticeNode) Follow(ctx context.Context, after string, kinds []string, _ chat.Filter, tell func(journal.Batch) error) error {
	n.mu.Lock()
	b := journal.Batch{Cursor: strconv.Itoa(len(n.happened)), Live: true}
	if slices.Contains(kinds, journal.Changed) {
		for i := range n.changed {
			b.Changes = append(b.Changes, journal.Change{Kind: journal.Changed, Message: &n.changed[i]})
		}
		n.changed = nil
	}
	if at, err := strconv.Atoi(after); err == nil && slices.Contains(kinds, journal.Noticed) {
		for i := range n.happened[at:] {
			b.Changes = append(b.Changes, journal.Change{Kind: journal.Noticed, Notice: &n.happened[at+i]})
		}
	}
	n.mu.Unlock()
	n.followed <- strings.Join(append([]string{after}, kinds...), " ")
	if err := tell(b); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// happens lets something happen.
func (n *noticeNode) happens(all ...contacts.Notice) {
	n.mu.Lock()
	n.happened = append(n.happened, all...)
	n.mu.Unlock()
	n.change()
}

// `recv --follow` tells what others do in the owner's groups: also that the owner was removed, and
// that a group has another name. It tells everything once, and nothing that was before.
func TestFollowTellsOfRemovalAndRename(t *testing.T) {
	notice := func(what string, of contacts.Group, also func(*contacts.Notice)) contacts.Notice {
		n := contacts.Notice{What: what, Group: contacts.Target{Kind: "group", ID: of.ID.String(), Name: of.Name}, Name: of.Name, By: &testBob}
		also(&n)
		return n
	}
	other := contacts.Group{ID: event.Conversation{0x18}, Name: "new\x1b[2J"}
	mine := func(n *contacts.Notice) { n.Whom, n.Mine = []contacts.Person{{Name: "Ann"}}, true }
	added, removed := notice(contacts.NoticeJoined, other, mine), notice(contacts.NoticeRemoved, testLunch, mine)
	renamed := notice(contacts.NoticeRenamed, testLunch, func(n *contacts.Notice) { n.Was = "breakfast" })
	own := notice(contacts.NoticeRenamed, testLunch, func(n *contacts.Notice) { n.Own = true })
	for _, test := range []struct {
		flags, begins  string
		stdout, stderr []string // a part of each line
	}{
		{"", " notice changed", nil, []string{`* Bob (b000000000000000) added you to #"new\x1b[2J"`, "* Bob (b000000000000000) renamed #breakfast to #lunch", "* Bob (b000000000000000) removed you from #lunch"}},
		{"--json", " notice", []string{`{"kind":"notice","notice":"joined","group":`, `"notice":"renamed"`, `"notice":"removed"`}, nil},
		{"--in #lunch", " notice changed", nil, []string{"renamed #breakfast", "removed you from #lunch"}},
		{"--from Bob", " changed", nil, nil},
	} {
		n := &noticeNode{changingNode: newChangingNode(), followed: make(chan string, 16), read: make(chan struct{}, 16), happened: []contacts.Notice{removed}}
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
		if at := <-n.followed; at != test.begins {
			t.Errorf("%s: begins at %q", test.flags, at)
		}
		n.happens(added, own, renamed)
		n.happens(removed)
		for at := ""; !strings.HasPrefix(at, "5 "); at = <-n.followed { // then everything before it has been written
			n.happens()
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

// `recv --follow` tells people what becomes of what it has printed, and programs only if they ask for it.
func TestFollowTellsWhatBecomesOfMessages(t *testing.T) {
	from := chat.Author{Person: testBob.ID, Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true}
	first := chat.Message{ID: event.ID{1}, To: contacts.Target{Kind: "group", Name: "lunch"}, From: from, Kind: "text", Text: "At one?"}
	other, edited, reacted, recalled := first, first, first, first
	other.ID = event.ID{2} // which was not printed
	edited.Text, edited.Edited = "At two?\x1b[2J\nor three", true
	reacted = edited
	reacted.Reactions = []chat.Reaction{{From: from, Emoji: "👍"}}
	recalled.Kind, recalled.Text = "recalled", ""
	for _, test := range []struct {
		flags          string
		stdout, stderr []string
	}{
		{"", []string{"01000000  #lunch  Bob (b000000000000000): At one?"},
			[]string{`01000000  #lunch  * Bob (b000000000000000) edited it: At two?\x1b[2J`, "    or three", "01000000  #lunch  + 👍 Bob (b000000000000000)", "01000000  #lunch  + nobody", "01000000  #lunch  * Bob (b000000000000000) took it back"}},
		{"--json", []string{`"kind":"text","text":"At one?"`}, nil},
		{"--json --all", []string{`"text":"At one?"`, `{"kind":"edited","message":{"id":"01`, `{"kind":"reactions","message":{"id":"01`, `{"kind":"reactions"`, `{"kind":"recalled","message":{"id":"01`}, nil},
	} {
		n := &noticeNode{changingNode: newChangingNode(), followed: make(chan string, 16), read: make(chan struct{}, 16), messages: []chat.Message{first}}
		dir := serve(t, server.Rooms{Node: n, People: n, Reading: n, Journal: n})
		var files [2]*os.File
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
		<-n.read // what was asked for before it was read is told before, too
		n.happens()
		<-n.followed
		<-n.followed
		for _, now := range [][]chat.Message{{other, edited}, {edited}, {reacted}, {edited}, {recalled}} {
			n.mu.Lock()
			n.changed = now
			n.mu.Unlock()
			for told := false; !told; {
				n.happens()
				<-n.followed
				n.mu.Lock()
				told = n.changed == nil || test.flags == "--json" // which asks for none
				n.mu.Unlock()
			}
		}
		for len(n.followed) > 0 {
			<-n.followed
		}
		for range 2 { // what is followed a second time has been written before
			n.happens()
			<-n.followed
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
				t.Errorf("%s: file %d: %q, want %q", test.flags, i, lines, want)
			}
		}
	}
}
