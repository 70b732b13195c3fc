package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/store"
)

// TestRefusedIsNoLine: what a peer can cause as often as it likes is not in the owner's log. A
// failure of this node is.
func TestRefusedIsNoLine(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	door := New(Config{Store: newHall(t).store, MoreWaits: func(crypto.PersonID) {}, Room: func(bool) {}})
	f := &From{door: door, session: &logged{peer: &peer{}, log: log}}
	for _, err := range []error{store.ErrBudget, store.ErrTooManyLogs, store.ErrForked, ErrStranger, fmt.Errorf("%w: a run", ErrUnproven), groups.ErrUnproven} {
		f.outcome(1, "run not taken", err)
		f.failed("keep request", err)
	}
	if out.Len() > 0 {
		t.Errorf("the owner reads: %s", out.String())
	}
	f.failed("keep request", errors.New("disk is broken"))
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines about a broken disk", n)
	}
}

// logged is a session that writes its log where the test says.
type logged struct {
	*peer
	log *slog.Logger
}

func (l *logged) Log() *slog.Logger { return l.log }
