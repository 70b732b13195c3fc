package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/store/event"
)

// searchedNode has messages to be found, the latest first. A name means somebody once, as at feedNode.
type searchedNode struct {
	*feedNode
	found []chat.Found
	asked []chat.Search
}

func (n *searchedNode) Search(_ context.Context, s chat.Search, tell func(chat.SearchBatch) error) error {
	n.asked = append(n.asked, s)
	rest := n.found
	for s.After != nil && len(rest) > 0 && rest[0].ID != *s.After {
		rest = rest[1:]
	}
	if s.After != nil {
		rest = rest[1:]
	}
	most := min(s.Limit, len(rest))
	for i := 0; i < most; i += 16 {
		if err := tell(chat.SearchBatch{Back: time.Unix(1_700_000_000, 0)}); err != nil {
			return err
		}
		b := chat.SearchBatch{Found: rest[i:min(i+16, most)], Back: time.Unix(1_700_000_000, 0)}
		b.More = i+16 >= most && most < len(rest)
		if err := tell(b); err != nil {
			return err
		}
	}
	if most == len(rest) {
		return tell(chat.SearchBatch{})
	}
	return nil
}

// The node gives no more than a page at once, of whom the names meant at the start.
func TestSearchGoesPageByPage(t *testing.T) {
	n := &searchedNode{feedNode: newFeed()}
	for i := range 2500 {
		n.found = append(n.found, chat.Found{Message: chat.Message{ID: event.ID{byte(i >> 8), byte(i)}, Kind: "text", Text: fmt.Sprintf("x%d", i)}})
	}
	dir := serve(t, server.Rooms{Node: n, People: n, Reading: n})
	for _, c := range []struct {
		limit, found int
		pages        []int
		more         bool
	}{
		{7, 7, []int{7}, true},
		{1000, 1000, []int{1000}, true},
		{1001, 1001, []int{1000, 1}, true},
		{2500, 2500, []int{1000, 1000, 500}, false},
		{9999, 2500, []int{1000, 1000, 1000}, false},
	} {
		n.asked, n.names = nil, map[string]bool{}
		exit, out, stderr := runArgs(t, "--dir", dir, "search", "x", "y", "--from", "Bob", "--in", "lunch", "--limit", fmt.Sprint(c.limit))
		if exit != 0 || strings.Count(out, "\n") != c.found || !strings.HasSuffix(out, fmt.Sprintf(": x%d\n", c.found-1)) {
			t.Errorf("%d: exit %d, %d lines: %s", c.limit, exit, strings.Count(out, "\n"), stderr)
		}
		if said := strings.HasPrefix(stderr, fmt.Sprintf("%d found, searched back to 20", c.found)); said != c.more {
			t.Errorf("%d: said %q", c.limit, stderr)
		}
		var pages []int
		for _, s := range n.asked {
			if s.Words != "x y" || s.Filter != bobInLunch {
				t.Errorf("%d: asks for %v", c.limit, s)
			}
			pages = append(pages, s.Limit)
		}
		if fmt.Sprint(pages) != fmt.Sprint(c.pages) {
			t.Errorf("%d: asks for pages of %v, want %v", c.limit, pages, c.pages)
		}
	}
	if localapi.MaxPage != 1000 {
		t.Error("the pages above are of 1,000")
	}
}

// A DATE is on the clock of this machine unless it has a zone.
func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-28":                "2026-11-27T21:00:00Z",
		"2026-11-28T14:30":          "2026-11-28T11:30:00Z",
		"2026-11-28 14:30:05":       "2026-11-28T11:30:05Z",
		"2026-11-28T14:30:00Z":      "2026-11-28T14:30:00Z",
		"2026-11-28T14:30:00-01:00": "2026-11-28T15:30:00Z",
		"2026-11-28T14:30:00.5Z":    "2026-11-28T14:30:00.5Z",
	} {
		got, err := parseDate(text, time.FixedZone("", 3*3600))
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v (%v), want %s", text, got, err, want)
		}
	}
	if got, err := date(&cobra.Command{}, "--since", "", false); got != nil || err != nil {
		t.Errorf("none is %v, %v", got, err)
	}
}

// What a status leaves behind is blank, and nothing is written where there is no terminal.
func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	s := statusLine{out: &b, on: true}
	s.clear()
	s.put("searched back")
	s.put("to 山")
	s.clear()
	s.clear()
	if want := "searched back\r" + strings.Repeat(" ", 13) + "\rto 山\r     \r"; b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
	b.Reset()
	s = statusLine{out: &b}
	s.put("searched back")
	s.clear()
	if b.Len() > 0 {
		t.Errorf("off: %q", &b)
	}
}
