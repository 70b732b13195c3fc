package sync_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

type namedFrame struct {
	name  string
	frame wire.Frame
}

// frames returns the golden frames of package wire: every kind of frame, with all that it may hold.
func frames(t testing.TB) (all []namedFrame) {
	file, err := os.ReadFile("../wire/testdata/frames.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	for i := 0; i < len(lines); i += 2 {
		b, err := hex.DecodeString(lines[i+1])
		if err != nil {
			t.Fatal(err)
		}
		f, err := wire.ParseFrame(b)
		if err != nil {
			t.Fatalf("%s: %v", lines[i], err)
		}
		all = append(all, namedFrame{lines[i], f})
	}
	return all
}

func frameNamed(t testing.TB, name string) wire.Frame {
	for _, f := range frames(t) {
		if f.name == name {
			return f.frame
		}
	}
	t.Fatalf("no frame is called %q", name)
	return wire.Frame{}
}

// founded returns the events of a group that A has created and renamed.
func founded(t testing.TB) []event.Event { return frameNamed(t, "control").Control.Events }

// welcomed returns a welcome.
func welcomed(t testing.TB) *wire.Welcome { return frameNamed(t, "welcome").Welcome }
