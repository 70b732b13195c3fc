package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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
