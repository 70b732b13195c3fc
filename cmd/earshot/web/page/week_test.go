package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/earshot-im/earshot/cmd/earshot/web"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// busyNode answers as the node of somebody does who has twenty conversations. What happens there is sent to the page by tell.
type busyNode struct {
	mu      sync.Mutex
	n       int           // messages so far
	last    []object      // of each conversation, its last message
	streams []chan []any  // those that wait for changes
	cut     chan struct{} // closed when all streams are to break off
}

// talks is how many conversations there are. In the long one much more is said, in long messages: it stands open
// most of the time, and its rows are what a page could keep most easily.
const (
	talks = 20
	long  = 5
)

func newBusyNode() *busyNode {
	n := &busyNode{cut: make(chan struct{})}
	for i := range talks {
		n.last = append(n.last, nil)
		n.message(i)
	}
	return n
}

func personOf(i int) object {
	return object{"person": fmt.Sprintf("%064x", 1+i), "name": fmt.Sprint("Person ", i), "knownAs": fmt.Sprint("Person ", i), "contact": true, "online": true}
}

func idOf(n int) string { return fmt.Sprintf("%064x", 1000000+n) }

// row is the message of a number, in the conversation with somebody.
func row(n, with int) object {
	p, words := personOf(with), n%9
	if with == long {
		words = 100
	}
	return object{"id": idOf(n), "conversation": p["person"], "with": object{"kind": "person", "id": p["person"], "name": p["name"]}, "from": p, "kind": "text",
		"text": fmt.Sprintf("message %d, %s", n, strings.Repeat("and so on ", words)), "time": "2026-03-01T12:30:00Z", "received": "2026-03-01T12:30:00Z", "t": fmt.Sprint(1772368200000 + n*1000)}
}

// message makes the next message of a conversation.
func (b *busyNode) message(with int) object {
	b.n++
	m := row(b.n, with)
	m["unread"] = true
	b.last[with] = m
	return m
}

func (b *busyNode) conversation(i int) object {
	return object{"conversation": personOf(i)["person"], "with": b.last[i]["with"], "person": personOf(i), "last": b.last[i], "notify": "all"}
}

// tell sends changes to the page.
func (b *busyNode) tell(changes []any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.streams {
		s <- changes
	}
}

// breaks has all streams break off.
func (b *busyNode) breaks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.cut)
	b.cut, b.streams = make(chan struct{}), nil
}

// follows reports how many streams of changes there are.
func (b *busyNode) follows() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.streams)
}

// happens is much of what can happen: so many messages in each conversation, which are changed, answered by a sign
// and taken back, and people who come, go and write.
func (b *busyNode) happens(rounds int) {
	for range rounds {
		var all []any
		b.mu.Lock()
		for range 50 {
			all = append(all, object{"arrived": b.message(long)})
		}
		for i := range talks {
			m, p := b.message(i), personOf(i)
			all = append(all, object{"typing": object{"conversation": p["person"], "persons": []any{p}}}, object{"arrived": m}, object{"typing": object{"conversation": p["person"]}})
			edited := row(b.n, i)
			edited["edited"], edited["text"] = true, fmt.Sprint("changed ", b.n)
			edited["reactions"] = []any{object{"from": p, "emoji": "👍"}}
			all = append(all, object{"changed": edited})
			if b.n%5 == 0 {
				all = append(all, object{"gone": object{"conversation": p["person"], "id": m["id"]}})
			}
			away := personOf(i)
			away["online"], away["away"] = b.n%2 == 0, b.n%3 == 0
			all = append(all, object{"presence": away}, object{"requests": b.n % 3}, object{"conversation": b.conversation(i)},
				object{"draft": object{"conversation": p["person"], "draft": object{"text": fmt.Sprint("draft ", b.n), "revision": fmt.Sprint(b.n)}}},
				object{"draft": object{"conversation": p["person"], "draft": object{"revision": fmt.Sprint(b.n + 1)}}})
		}
		b.mu.Unlock()
		b.tell(all)
	}
}

func (b *busyNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Before, After, Around, Who string
		Limit                      int
		IDs                        []string
	}
	method := strings.TrimPrefix(r.URL.Path, "/earshot.v1.")
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !strings.Contains(r.Header.Get("Content-Type"), "connect") {
		_ = json.Unmarshal(content, &asked)
	}
	switch method {
	case "Journal/Changes", "Files/Transfers", "Attention/Alerts":
		b.stream(w, r, method)
	case "Node/Me":
		answer(w, object{"person": "0a", "name": "Ann", "accept": "everyone", "alerts": "full"})
	case "Node/Status":
		answer(w, object{"person": "0a", "name": "Ann", "online": talks})
	case "Conversations/Conversations":
		b.mu.Lock()
		defer b.mu.Unlock()
		var all []any
		for i := range talks {
			all = append(all, b.conversation(i))
		}
		answer(w, object{"conversations": all})
	case "Messages/History":
		b.mu.Lock()
		defer b.mu.Unlock()
		var with, first int
		_, _ = fmt.Sscanf(asked.Who, "%x", &with)
		from := b.n
		if asked.Before != "" {
			_, _ = fmt.Sscanf(asked.Before, "%x", &first)
			from = first - 1000000 - 1
		}
		var rows []any
		for n := from; n > max(0, from-asked.Limit); n-- {
			rows = append(rows, row(n, with-1))
		}
		answer(w, object{"messages": rows, "moreBefore": from > asked.Limit})
	case "Messages/MarkRead":
		answer(w, object{})
		var all []any
		for _, id := range asked.IDs {
			var n int
			_, _ = fmt.Sscanf(id, "%x", &n)
			all = append(all, object{"changed": row(n-1000000, 0)})
		}
		b.tell(all)
	default:
		answer(w, object{})
	}
}

func (b *busyNode) stream(w http.ResponseWriter, r *http.Request, method string) {
	changes := make(chan []any, 1000)
	b.mu.Lock()
	cut := b.cut
	if method == "Journal/Changes" {
		b.streams = append(b.streams, changes)
	}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.streams = slices.DeleteFunc(b.streams, func(s chan []any) bool { return s == changes })
	}()
	envelope(w, 0, object{"cursor": "1"})
	for {
		select {
		case all := <-changes:
			envelope(w, 0, object{"cursor": "1", "changes": all})
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// held is what a page holds when all that it has no use for is gone.
type held struct {
	heap                    float64 // MiB
	documents, nodes, hears int64
}

func (b *tab) holds() held {
	b.Helper()
	for range 3 { // what the first lets go may be the last to have held something else
		if _, err := chromedp.Call(b.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			b.Fatal(err)
		}
	}
	heap, err := chromedp.Call(b.ctx, runtime.GetHeapUsage, cdp.Empty{})
	if err != nil {
		b.Fatal(err)
	}
	dom, err := chromedp.Call(b.ctx, memory.GetDOMCounters, cdp.Empty{})
	if err != nil {
		b.Fatal(err)
	}
	return held{heap.UsedSize / (1 << 20), dom.Documents, dom.Nodes, dom.JsEventListeners}
}

// A page that is open for a week holds no more at its end than at its beginning, whatever has come over the gateway.
func TestAWeek(t *testing.T) {
	t.Parallel()
	browsing(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	node, gateway := newBusyNode(), web.New(web.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { gateway.Run(ctx, node); close(ended) }() // ended below
	t.Cleanup(func() { stop(); <-ended })
	opened, err := gateway.OpenWeb(t.Context(), &earshotv1.OpenWebRequest{})
	if err != nil {
		t.Fatal(err)
	}
	b := browse(t, opened.Url)
	b.is(fmt.Sprintf(`document.querySelectorAll('.list .item').length === %d`, talks))

	day := func() {
		for range 4 {
			node.happens(5)
			b.opens("Person 3")
			b.sees(".list .last", fmt.Sprintf("message %d,", node.n))
			for _, panel := range []string{"Details", "People", "Search", "Settings", "Files", "Help"} {
				b.click(panel)
				b.is(`!!document.querySelector('.panel')`)
			}
			b.click("Close")
			for _, name := range []string{"Person 4", "Person 5"} {
				b.press("k", chromedp.ModifierCtrl)
				b.sees("dialog", "Go to")
				b.press(name + "\r")
				b.sees(".talk h2", name)
				b.is(`document.querySelectorAll('article').length >= 60`)
			}
		}
		node.breaks()
		b.sees(".banner", "The node is gone")
		b.is(`!document.querySelector('.banner')`)
		node.happens(1)
		b.sees(".list .last", fmt.Sprintf("message %d,", node.n))
	}
	day()
	first := b.holds()
	for range 2 {
		day()
	}
	last := b.holds()
	t.Logf("after the first day %+v, after the third %+v, and %d messages", first, last, node.n)
	if node.follows() != 1 {
		t.Errorf("%d streams are open", node.follows())
	}
	if last.heap > first.heap+.5 || last.heap > 25 {
		t.Errorf("the heap grows from %.1f MiB to %.1f", first.heap, last.heap)
	}
	if last.documents != first.documents || last.nodes > first.nodes+300 || last.hears > first.hears+60 {
		t.Errorf("it holds %+v first and %+v at last", first, last)
	}
}
