package page_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

type object = map[string]any

// envelope sends a value in a stream, as the Connect protocol has it.
func envelope(w http.ResponseWriter, flags byte, v any) {
	content, _ := json.Marshal(v)
	w.Header().Set("Content-Type", "application/connect+json")
	_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(content))), content...))
	_ = http.NewResponseController(w).Flush()
}

// scripted answers as a node would that always says the same: to each method one answer, and to whoever follows what
// changes these changes.
func scripted(answers map[string]any, changes []any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch method := strings.TrimPrefix(r.URL.Path, "/earshot.v1."); method {
		case "Journal/Changes":
			envelope(w, 0, object{"cursor": "1", "live": true, "changes": changes})
			<-r.Context().Done()
		case "Files/Transfers":
			envelope(w, 0, object{})
			<-r.Context().Done()
		default:
			if r.Header.Get("Content-Type") == "application/connect+json" { // a stream, which ends
				envelope(w, 0, answers[method])
				envelope(w, 2, object{})
				return
			}
			answer(w, answers[method])
		}
	})
}

// bobTalks are the answers of a node of which the owner talks with Bob, who has written these rows.
func bobTalks(rows ...object) map[string]any {
	bob := object{"person": strings.Repeat("b0", 32), "name": "Bob", "knownAs": "Bob", "contact": true, "online": true}
	with := object{"kind": "person", "id": bob["person"], "name": "Bob"}
	for i, row := range rows {
		for name, value := range (object{"id": fmt.Sprintf("%064x", 1+i), "conversation": bob["person"], "with": with, "from": bob, "kind": "text", "time": "2026-03-01T12:30:00Z", "received": "2026-03-01T12:30:00Z"}) {
			if row[name] == nil {
				row[name] = value
			}
		}
	}
	return map[string]any{
		"Node/Me": object{"person": "0a", "name": "Ann"}, "Node/Status": object{"person": "0a", "name": "Ann", "online": 1}, "Messages/History": object{"messages": rows},
		"Conversations/Conversations": object{"conversations": []any{object{"conversation": bob["person"], "with": with, "person": bob, "last": rows[len(rows)-1], "notify": "all"}}},
	}
}

// What a row shows of messages: which stand together, how much of a long one, which signs, and which files can be
// saved.
func TestRows(t *testing.T) {
	t.Parallel()
	const minute = 60_000
	at := func(minutes int) string { return fmt.Sprint(1772368200000 + minutes*minute) }
	var signs []any
	for i, sign := range []string{"👍", "🎉", "😀", "🙏", "👀", "🚀", "❤️", "👏", "🔥", "✅"} {
		for range 12 - i {
			signs = append(signs, object{"emoji": sign, "from": object{"name": "Cy"}, "own": sign == "🎉" && len(signs) == 12})
		}
	}
	answers := bobTalks(
		object{"t": at(0), "text": "first"}, object{"t": at(4), "text": "together"}, object{"t": at(10), "text": "apart"},
		object{"t": at(11), "text": "mine", "own": true, "state": "delivered"}, object{"t": at(12), "text": strings.Repeat("long ", 2000)},
		object{"t": at(13), "text": "signs", "reactions": signs},
		object{"t": at(14), "own": true, "state": "delivered", "attachments": []any{object{"n": 1, "name": "here.txt", "size": "5", "state": "held"}, object{"n": 2, "name": "gone.txt", "size": "5", "state": "gone"}}},
		object{"t": at(15), "attachments": []any{object{"n": 1, "name": "fetched.txt", "size": "5", "state": "held"}, object{"n": 2, "name": "offered.txt", "size": "5", "state": "offered"}}},
	)
	g := serve(t, t.TempDir(), testdata())
	g.node = scripted(answers, nil)
	b := browse(t, g.link())
	b.opens("Bob")
	b.sees("article", "apart")
	together := js[[]string](b, `[...document.querySelectorAll('article.together .text')].map(e => e.innerText.slice(0, 8))`)
	if got := strings.Join(together, " "); got != "together signs" {
		t.Errorf("these stand together with what is before them: %s", got)
	}
	if n := js[int](b, `[...document.querySelectorAll('.text')].find(e => e.innerText.startsWith('long')).innerText.length`); n > 4100 {
		t.Errorf("%d letters of a long message are shown at first", n)
	}
	b.click("Show all of it")
	b.is(`[...document.querySelectorAll('.text')].find(e => e.innerText.startsWith('long')).textContent.length === 10000`)
	b.is(`document.querySelectorAll('.reactions button').length === 8`)
	b.sees(".reactions", "2 others")
	b.is(`[...document.querySelectorAll('.reactions button')].map(e => e.ariaPressed).join() === 'false,true,false,false,false,false,false,false'`)
	saved := js[[]string](b, `[...document.querySelectorAll('.file')].filter(e => e.querySelector('[aria-label=Save]')).map(e => e.querySelector('bdi').innerText)`)
	if got := strings.Join(saved, " "); got != "here.txt fetched.txt" {
		t.Errorf("these can be saved: %s", got)
	}
}

// A stream that ends, in whatever way, is begun again where it was, after another proof; and who was writing then is
// not said to write any more.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	answers := bobTalks(object{"t": "1772368200000", "text": "hello"})
	bob := answers["Conversations/Conversations"].(object)["conversations"].([]any)[0].(object)
	var (
		mu    sync.Mutex
		after []string // what the streams began with
	)
	always := scripted(answers, nil)
	g := serve(t, t.TempDir(), testdata())
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/Changes") {
			always.ServeHTTP(w, r)
			return
		}
		content, _ := io.ReadAll(r.Body)
		var asked struct{ After string }
		if len(content) < 5 || json.Unmarshal(content[5:], &asked) != nil {
			t.Errorf("the stream is asked for by %q", content)
		}
		mu.Lock()
		after = append(after, asked.After)
		n := len(after)
		mu.Unlock()
		typing := object{"typing": object{"conversation": bob["conversation"], "persons": []any{bob["person"]}}}
		switch n {
		case 1: // it ends without saying so
			envelope(w, 0, object{"cursor": "11", "changes": []any{typing}})
		case 2: // it says that it ends
			envelope(w, 0, object{"cursor": "22"})
			envelope(w, 2, object{"error": object{"code": "unavailable", "message": "stopping"}})
		case 3: // it says that more follows than could
			_, _ = w.Write([]byte{0, 0xff, 0xff, 0xff, 0xff, '{'})
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case 4: // what it says is no JSON
			_, _ = w.Write([]byte{0, 0, 0, 0, 1, '{'})
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		default:
			envelope(w, 0, object{"cursor": "55", "changes": []any{object{"requests": 3}}})
			<-r.Context().Done()
		}
	})
	b := browse(t, g.link())
	b.sees(".asks", "3 requests")
	b.is(`!document.querySelector('.banner')`)
	b.is(`!document.querySelector('.list').innerText.includes('typing')`)
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(after, " "); got != " 11 22 22 22" {
		t.Errorf("the streams begin after %q", got)
	}
	if proofs := g.calls("/proof"); proofs < 6 { // of the code, of the session, and of each stream
		t.Errorf("there are %d proofs", proofs)
	}
}
