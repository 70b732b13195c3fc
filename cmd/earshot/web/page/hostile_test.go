package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// evil are values that would do something if a page took them for more than text: markup, links, and what a
// library may take for elements, since the JSON of an answer can be anything.
var evil = []any{
	`<img src=x onerror="window.hacked=1">`, `<script>window.hacked=1</script>`, `"><svg onload="window.hacked=1">`, `<iframe srcdoc="<script>parent.hacked=1</script>">`,
	`javascript:window.hacked=1`, `jAvAsCrIpT:window.hacked=1//http://example.org`, `data:text/html,<script>window.hacked=1</script>`, `https://example.org/"onmouseover="window.hacked=1`,
	`http://javascript:alert(1)@example.org/`, `mailto:a@example.org?subject=<b>`, `{{constructor.constructor('window.hacked=1')()}}`, "${window.hacked=1}", `'-window.hacked=1-'`, `constructor`, `__proto__`,
	"\u202egpj.exe\u202c \u2066x\u2069", "https://example.org/\u202egpj.exe", "a\x00b\x1b[2J\x07", strings.Repeat("W", 300), strings.Repeat("a\u0300", 500), strings.Repeat("\n", 50) + "x", "",
	map[string]any{"type": "img", "props": map[string]any{"src": "x", "onerror": "window.hacked=1"}, "__html": "<img src=x onerror=window.hacked=1>"},
	map[string]any{"dangerouslySetInnerHTML": map[string]string{"__html": "<img src=x onerror=window.hacked=1>"}, "constructor": nil, "__v": 1},
	[]any{"<b>", map[string]any{"type": "script", "props": map[string]any{"children": "window.hacked=1"}}}, 7, true,
}

// hostileNode answers as a node would whose owner is called own, and whose every other text is one of evil: each
// has a conversation, and rows of each kind in all of them.
func hostileNode(own any) http.Handler {
	const now = "2026-03-01T12:30:00Z"
	type m = object
	var rows, conversations, members, requests, peers, files, pending, reached, typing []any
	for i, v := range evil {
		id := fmt.Sprintf("%064x", 1000+i)
		person := m{"person": id, "name": v, "petname": v, "pinned": v, "knownAs": v, "contact": false, "online": true}
		group := m{"id": id, "name": v, "topic": v, "history": v, "role": "owner", "members": 3, "online": v, "invitedBy": person}
		target := m{"kind": "group", "id": id, "name": v}
		for j, kind := range []string{"text", "recalled", "unknown", "notice", "text", "later"} {
			row := m{"id": fmt.Sprintf("%064x", i*10+j), "conversation": id, "to": target, "with": target, "from": person, "kind": kind, "text": v, "time": now, "received": now,
				"t": fmt.Sprint(1772368200000 + i*10000 + j), "own": j == 4, "state": v, "replyTo": id, "edited": true, "gap": true, "forked": true, "reactions": []any{m{"from": person, "emoji": v}},
				"quote":   m{"id": id, "from": person, "kind": "text", "text": v},
				"waiting": m{"first": m{"to": target, "waitingFor": v, "reason": v, "error": v, "person": person}, "others": v},
				"attachments": []any{m{"n": 1, "name": v, "type": v, "size": "12", "state": "offered", "reason": v, "picture": true, "preview": v, "width": 4, "height": 3},
					m{"n": 2, "name": v, "voice": true, "state": "held", "wave": v}}}
			if kind == "notice" {
				row["notice"] = m{"notice": "topic", "group": target, "by": person, "whom": []any{person}, "name": v, "was": v, "text": v, "role": v, "history": v}
			}
			rows = append(rows, row)
		}
		last := rows[len(rows)-6]
		conversations = append(conversations, m{"conversation": id, "with": target, "group": group, "last": last, "unread": 1, "notify": v})
		members = append(members, m{"person": person, "role": v})
		requests = append(requests, m{"person": id, "name": v, "text": v, "notice": "invited", "group": target, "received": now})
		peers = append(peers, person)
		files = append(files, m{"id": id, "with": target, "from": person, "time": now, "attachments": last.(m)["attachments"]})
		pending = append(pending, m{"id": id, "to": target, "queued": now, "waitingFor": v, "reason": v, "person": person})
		reached = append(reached, m{"person": person, "state": v, "reason": v, "waiting": m{"waitingFor": v}})
		typing = append(typing, m{"typing": m{"conversation": id, "persons": []any{person}}}, m{"arrived": last})
	}
	answers := map[string]any{
		"Node/Me": m{"person": "0a", "name": own, "accept": own, "alerts": own}, "Node/Status": m{"person": "0a", "name": own, "online": 3, "requests": len(evil)},
		"Conversations/Conversations": m{"conversations": conversations}, "Messages/History": m{"messages": rows}, "Groups/Members": m{"members": members}, "People/Requests": m{"requests": requests},
		"People/Peers": m{"peers": peers}, "People/Contacts": m{}, "Files/ListFiles": m{"attached": files}, "Messages/Outbox": m{"pending": pending}, "Messages/Receipts": m{"reached": reached},
	}
	return scripted(answers, typing)
}

// harmless fails where something of what others have written is more than text.
func (b *tab) harmless(where string) {
	b.Helper()
	for _, wrong := range js[[]string](b, `[
		window.hacked !== undefined && 'a script ran',
		document.querySelectorAll('script').length !== 1 && 'there are scripts',
		document.querySelector('iframe, object, embed, base, style, b:not(.count):not(.at):not(.me b), svg:not(.icon):not(.voice svg)') && 'there is an element of theirs',
		...[...document.querySelectorAll('a')].map(a => !['http:', 'https:', 'mailto:'].includes(a.protocol) && 'a link to ' + a.href),
		...[...document.querySelectorAll('a')].map(a => a.rel !== 'noopener noreferrer' && 'a link that tells whence it comes'),
		...[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames().filter(n => n.startsWith('on')).map(n => n + ' on ' + e.tagName)),
		...[...document.images].map(i => i.src && !i.src.startsWith('blob:') && 'a picture from ' + i.src),
	].filter(Boolean)`) {
		b.Errorf("%s: %s", where, wrong)
	}
}

// Whatever others call themselves and write, nothing of it runs, and nothing of it is an element.
func TestHostile(t *testing.T) {
	t.Parallel()
	var b *tab
	for _, own := range []any{evil[0], evil[22]} {
		g := serve(t, t.TempDir(), testdata())
		g.node = hostileNode(own)
		if b == nil {
			b = browse(t, g.link())
		} else {
			b.do(chromedp.Navigate(g.link()))
		}
		b.is(fmt.Sprintf(`document.querySelectorAll('.list .item').length === %d`, len(evil)))
		js[bool](b, `document.querySelector('.item').click() ?? true`)
		b.is(fmt.Sprintf(`document.querySelectorAll('article').length === %d`, 6*len(evil)))
		b.harmless("messages")
		for _, v := range evil {
			if text, ok := v.(string); ok && strings.TrimSpace(text) != "" {
				shown, _ := json.Marshal(text)
				if !js[bool](b, fmt.Sprintf(`[...document.querySelectorAll('.text')].some(e => e.textContent === %s)`, shown)) {
					t.Errorf("%s is not shown as it is", shown)
				}
			}
		}
		for _, panel := range []struct{ button, waits string }{
			{"People", ".person"}, {"Details", ".panel .person"}, {"Files", ".panel .file"}, {"What waits", ".panel .person"}, {"Settings", ".panel select"}, {"25 requests to talk with you", ".request"},
		} {
			b.click(strings.Replace(panel.button, "25", fmt.Sprint(len(evil)), 1))
			b.is(fmt.Sprintf(`!!document.querySelector(%q)`, panel.waits))
			b.harmless(panel.button)
		}
		js[bool](b, `document.querySelector('article.own').focus() ?? true`)
		b.press("i")
		b.sees(".panel", "Who has it")
		b.is(`!!document.querySelector('.panel .person')`)
		b.harmless("who has it")
	}
}
