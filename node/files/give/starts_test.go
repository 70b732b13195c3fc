package give

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
)

// A stranger's device that opens streams without end, which are all refused, is told from one that does not. What
// a contact does so is theirs.
func TestStreamsWithoutEnd(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		ends := func(p Peer) error {
			_, ended := g.serve(ctx, p)
			synctest.Wait()
			select {
			case err := <-ended:
				return err
			default:
				return nil
			}
		}
		for i := range startsBurst + 3 {
			if got, want := ends(peerOf(1, 1, budget.Stranger)) == ErrTooOften, i >= startsBurst; got != want {
				t.Errorf("stream %d of a stranger's device: %t", i+1, got)
			}
			if ends(peerOf(2, 2, budget.Contact)) == ErrTooOften {
				t.Errorf("stream %d of a contact's device", i+1)
			}
		}
		if ends(peerOf(3, 3, budget.Stranger)) == ErrTooOften {
			t.Error("another device pays for it")
		}
		time.Sleep(time.Second)
		if ends(peerOf(1, 1, budget.Stranger)) == ErrTooOften || ends(peerOf(1, 1, budget.Stranger)) != ErrTooOften {
			t.Error("a second later it may open one")
		}
	})
}

// The devices that are remembered are bounded. Those that have rested are forgotten first.
func TestStartersAreBounded(t *testing.T) {
	g := New(Config{})
	now := time.Now()
	device := func(i, of int) (d crypto.DeviceID) {
		d[0], d[1], d[2] = byte(i), byte(i>>8), byte(of)
		return d
	}
	busy := device(0, 1)
	for range startsBurst {
		g.starts.allow(busy, now)
	}
	for i := range maxStarters - 1 {
		g.starts.allow(device(i, 2), now.Add(-time.Hour))
	}
	g.starts.allow(device(0, 3), now)
	if n := len(g.starts.devices); n != 2 || g.starts.allow(busy, now) {
		t.Errorf("%d devices are remembered", n)
	}
	for i := range 3 * maxStarters {
		g.starts.allow(device(i, 4), now)
	}
	if n := len(g.starts.devices); n > maxStarters {
		t.Errorf("%d devices are remembered", n)
	}
}
