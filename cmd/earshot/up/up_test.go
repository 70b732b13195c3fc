package up

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/store"
)

// What no script brings about is explained as well, and nothing else is.
func TestExplain(t *testing.T) {
	for _, test := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("%w: the database has version 9, this program knows 4", store.ErrNewer), problem.CodeNewer},
		{fmt.Errorf("keyring: %w", crypto.ErrNewer), problem.CodeNewer},
		{fmt.Errorf("%w: store.db belongs to user 7", store.ErrNotPrivate), problem.CodeNotPrivate},
		{&store.LockedError{}, problem.CodeLocked},
		{fmt.Errorf("make database: %w", store.ErrFull), localapi.CodeNoRoom},
		{&fs.PathError{Op: "mkdir", Path: "/x", Err: syscall.ENOSPC}, localapi.CodeNoRoom},
		{fmt.Errorf("open data directory: %w", &fs.PathError{Op: "mkdir", Path: "/x", Err: syscall.EACCES}), problem.CodeDirectory},
	} {
		if p := explain(test.err); p == nil || p.Code != test.code || p.Hint == "" {
			t.Errorf("%v: %+v", test.err, p)
		}
	}
	if p := explain(errors.New("anything")); p != nil {
		t.Errorf("%+v", p)
	}
}

// TestLibrariesWriteToTheLog: the library for mDNS wrote lines of its own on standard error.
func TestLibrariesWriteToTheLog(t *testing.T) {
	flags := log.Flags()
	defer func() {
		log.SetOutput(os.Stderr)
		log.SetFlags(flags)
	}()
	for level, want := range map[slog.Level]bool{slog.LevelInfo: true, slog.LevelWarn: false} {
		var out bytes.Buffer
		routeLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
		log.Printf("[zeroconf] no suitable IPv6 interface")
		if got := strings.Contains(out.String(), `level=INFO msg="[zeroconf] no suitable IPv6 interface"`); got != want || !want && out.Len() > 0 {
			t.Errorf("at level %v: %q", level, &out)
		}
	}
}
