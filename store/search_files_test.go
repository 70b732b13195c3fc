package store

import (
	"bytes"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// A message is found by the names of its files as by its words, within the cache and behind it, and by
// neither once it was taken back.
func TestFoundByTheNamesOfFiles(t *testing.T) {
	n, _, c := pair(t)
	n.searching.rows = rowsOfBlock
	both := n.attach(c, "the plan", "Grundriß.PDF", "über uns")
	bare := n.attach(c, "", "grundriss alt.dwg")
	find := func(words string, want ...event.ID) {
		t.Helper()
		var got []event.ID
		for _, r := range n.found(t, WantedRows{Query: query(t, words)}) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", words, got, want)
		}
	}
	all := func() {
		t.Helper()
		find("GRUNDRISS", bare.ID, both.ID)
		find("plan grundriss.pdf über", both.ID) // words of the text, and of each name
		find(`"alt.dwg"`, bare.ID)
		find(`"plan grundriss"`) // that stands together nowhere
		find(`"pdf über"`)
		find("plangrundriss")
	}
	all()
	for range rowsOfBlock {
		n.say(c, "nothing")
	}
	if plain, _ := n.cached(t); !bytes.Contains(plain, []byte("alt.dwg")) {
		t.Fatalf("the cache has %q", plain)
	}
	all()
	_, err := n.edit(c, both.ID, "the rest")
	check(t, err)
	find("rest grundriss", both.ID)
	find("plan")
	_, err = n.Recall(ctx, bare.ID)
	check(t, err)
	find("grundriss", both.ID)
	if plain, _ := n.cached(t); bytes.Contains(plain, []byte("alt.dwg")) {
		t.Error("the cache has the name of a file that was taken back")
	}
}
