package page_test

import (
	"fmt"
	"testing"
)

// Quiet hours have one day at least, and the page says so.
func TestLastDayOfQuietHours(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.click("Settings")
	b.click("Add quiet hours")
	for day := range 7 {
		b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/UpdateMe')).length === ` + fmt.Sprint(day+1))
		b.is(`document.querySelectorAll('.days input:checked').length === ` + fmt.Sprint(7-day))
		js[bool](b, fmt.Sprintf(`document.querySelectorAll('.days input')[%d].click() ?? true`, day))
	}
	b.sees(".toast", "one day at least")
	b.is(`[...document.querySelectorAll('.days input')].map(e => e.checked).join() === 'false,false,false,false,false,false,true'`)
	ann.until("18:00-08:00 sun", "me")
}

// Who chooses another language goes on where they were.
func TestLanguageKeepsThePlace(t *testing.T) {
	t.Parallel()
	g := serve(t, t.TempDir(), testdata())
	answers := bobTalks(object{"t": "1772368200000", "text": "hello"})
	answers["Conversations/GetConversation"] = answers["Conversations/Conversations"].(object)["conversations"].([]any)[0]
	g.node = scripted(answers, nil)
	b := browse(t, g.link())
	b.opens("Bob")
	b.click("Settings")
	js[bool](b, `(e => { e.value = 'de'; return e.dispatchEvent(new Event('change', {bubbles: true})); })([...document.querySelectorAll('.panel select')].at(-1))`)
	b.sees(".panel", "Sprache")
	b.sees("article", "hello")
}

// What the page says while a dialog is open stands in it: what lies behind is dark.
func TestWordsOfThePageInADialog(t *testing.T) {
	t.Parallel()
	ann := start(t, "")
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.sees("dialog", "Welcome to earshot")
	b.is(`document.activeElement.matches('dialog input')`)
	b.press("A(b)\r")
	b.sees("dialog .toast.bad", "LEFT PARENTHESIS")
	b.is(`document.querySelectorAll('.toast').length === 1`)
}

// An own message is never unread, by no key.
func TestOwnMessagesStayRead(t *testing.T) {
	t.Parallel()
	g := serve(t, t.TempDir(), testdata())
	g.node = scripted(bobTalks(object{"t": "1772368200000", "text": "hello", "own": true, "state": "delivered"}), nil)
	b := browse(t, g.link())
	b.opens("Bob")
	b.lastRow()
	b.press("ui")
	b.is(`!!document.querySelector('.panel')`)
	if n := g.calls("/MarkUnread"); n != 0 || b.text(".toast") != "" {
		t.Errorf("it is made unread %d times, and the page says %q", n, b.text(".toast"))
	}
}
