package page_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A file that is to be saved while another one is waits until the node lets it.
func TestSavingWaits(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("to be saved"), 0o600); err != nil {
		t.Fatal(err)
	}
	bob.does("send", "Ann", "--file", file)
	b.opens("Bob")
	b.sees("article .file", "notes.txt")
	js[bool](b, `(() => {
		const real = fetch;
		window.busy = 2;
		window.fetch = (path, options) => (path === '/ticket' && window.busy-- > 0
			? Promise.resolve(new Response('{"code":"resource_exhausted","message":"busy"}', { status: 429 })) : real(path, options));
		return true;
	})()`)
	b.click("Fetch")
	b.click("Save")
	b.sees(".toast", "once the file before it is")
	b.is(`window.busy < 0`)
	b.is(`performance.getEntriesByType('resource').some(r => r.name.endsWith('/ticket'))`)
	g.set(func() {
		if !slices.Contains(g.asked, "POST /ticket") {
			t.Error("no ticket is asked for")
		}
	})
}
