package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// manyTalk answers as a node with so many conversations. Each call for a page of them takes one of pass first; what
// comes of tell is told as a change.
func manyTalk(t *testing.T, n int, pass <-chan struct{}, tell <-chan object) http.Handler {
	t.Helper()
	answers := bobTalks(object{"t": "1772368200000", "text": "hello"})
	first := answers["Conversations/Conversations"].(object)["conversations"].([]any)[0].(object)
	var all []object
	for i := range n {
		c := object{"conversation": fmt.Sprintf("%064x", i), "with": object{"kind": "group", "id": fmt.Sprintf("%064x", i), "name": fmt.Sprint("Table ", i)}}
		for _, name := range []string{"last", "notify"} {
			c[name] = first[name]
		}
		last := object{"t": fmt.Sprint(1772368200000 - i)}
		for name, value := range first["last"].(object) {
			if last[name] == nil {
				last[name] = value
			}
		}
		c["last"], c["group"] = last, object{"id": c["conversation"], "name": fmt.Sprint("Table ", i), "role": "member"}
		all = append(all, c)
	}
	always := scripted(answers, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/Conversations"):
			var asked struct {
				Limit int
				After string
			}
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
			select {
			case <-pass:
			case <-r.Context().Done():
				return
			}
			from := 0
			for i, c := range all {
				if c["conversation"] == asked.After {
					from = i + 1
				}
			}
			to := min(from+asked.Limit, n)
			answer(w, object{"conversations": all[from:to], "more": to < n})
		case strings.HasSuffix(r.URL.Path, "/Changes"):
			envelope(w, 0, object{"cursor": "1", "live": true})
			for {
				select {
				case change := <-tell:
					envelope(w, 0, object{"cursor": "2", "changes": []any{change}})
				case <-r.Context().Done():
					return
				}
			}
		default:
			always.ServeHTTP(w, r)
		}
	})
}

// A long list stands as soon as what the window shows of it is there: the node is asked for few conversations at first,
// and few are drawn in the first frame. What is read anew is drawn anew only where it is another.
func TestLongList(t *testing.T) {
	t.Parallel()
	const many = 300
	pass, tell := make(chan struct{}, 99), make(chan object)
	g := serve(t, t.TempDir(), testdata())
	g.node = manyTalk(t, many, pass, tell)
	b := browse(t, g.URL+"/testdata/empty.html")
	// first is how many conversations stood first; drawn counts how many were drawn, as each says when it was written to last.
	const probe = `globalThis.drawn = 0;
		const { toDateString } = Date.prototype;
		Date.prototype.toDateString = function() { globalThis.drawn++; return toDateString.call(this); };
		new MutationObserver(() => { globalThis.first ||= document.querySelectorAll('.list .item').length; }).observe(document, { childList: true, subtree: true });`
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: probe}); err != nil {
		t.Fatal(err)
	}
	pass <- struct{}{}
	b.do(chromedp.Navigate(g.link()))
	b.is(`document.querySelectorAll('.list .item').length === 40`) // while the others are not there
	if n := js[int](b, `first`); n < 10 || n > 20 {
		t.Errorf("%d conversations stand in the first frame of a window that has room for 12", n)
	}
	pass <- struct{}{} // the others
	b.is(fmt.Sprintf(`document.querySelectorAll('.list .item').length === %d`, many))
	b.is(`[...document.querySelectorAll('.list .item .name')].every((e, i) => e.textContent === '#Table ' + i)`)
	pass <- struct{}{} // what is read once the changes are followed
	b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/Conversations')).length === 3`)
	b.is(fmt.Sprintf(`drawn >= %d`, 2*many)) // the one of today and the other one

	js[int](b, `drawn = 0`)
	pass <- struct{}{}
	tell <- object{"person": object{"person": strings.Repeat("b0", 32), "name": "Bob"}} // what has all read anew
	b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/Conversations')).length === 4`)
	tell <- object{"requests": 3}
	b.sees(".asks", "3 requests")
	if n := js[int](b, `drawn`); n > 0 {
		t.Errorf("%d conversations are drawn anew, where none has changed", n)
	}
}

// How many people are here is told as they come and go, whoever they are.
func TestStrangersAreCounted(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.sees(".alone", "Nobody is on this network yet")
	bob := start(t, "Bob", ann)
	b.sees(".list", "1 person here")
	b.is(`!document.querySelector('.alone')`)
	bob.end()
	b.sees(".list", "0 people here")
}
