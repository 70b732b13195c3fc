package attention

import (
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/store/event"
)

// journals counts the readers that it gives out.
type journals int

func (j *journals) Read(string, []string, chat.Filter) (*journal.Reader, error) {
	*j++
	return &journal.Reader{}, nil
}

// What has come since the first client was there is not lost if that one goes before it is read.
func TestFirstClientGoes(t *testing.T) {
	var given journals
	a := New(Config{Journal: &given})
	clients := []*client{{}, {}, {}}
	for n, c := range clients[:2] {
		if err := a.enter(fmt.Sprint(n), Terminal, c); err != nil {
			t.Fatal(err)
		}
	}
	if a.withdraw("0", clients[0]); a.reader == nil || given != 1 {
		t.Errorf("%d readers, and the first is lost", given)
	}
	if a.withdraw("1", clients[1]); a.reader != nil {
		t.Error("nobody is there, and what comes is news")
	}
	if err := a.enter("2", Terminal, clients[2]); err != nil || given != 2 {
		t.Errorf("%d readers, %v", given, err)
	}
}

// The owner looks at a few clients at most; the one goes that has said so the longest ago.
func TestLeasesAreBounded(t *testing.T) {
	looks := false
	a := New(Config{Look: func(on bool) { looks = on }, Now: time.Now, Conversation: func(string) (c event.Conversation, _ *contacts.Person, _ error) {
		c[0] = 1
		return c, nil, nil
	}})
	for n := range 2 * maxLeases {
		if err := a.Attend(t.Context(), fmt.Sprint(n), "Bob", true); err != nil {
			t.Fatal(err)
		}
	}
	if _, first := a.leases["0"]; first || len(a.leases) != maxLeases || len(a.plan.looking) != maxLeases || !looks {
		t.Errorf("%d leases, %d places", len(a.leases), len(a.plan.looking))
	}
	a.tick(time.Now().Add(lease))
	if len(a.leases)+len(a.plan.looking) > 0 || looks {
		t.Errorf("%d leases, %d places after %v", len(a.leases), len(a.plan.looking), lease)
	}
}
