package gossip

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
)

func TestLearnRefuses(t *testing.T) {
	row(t, func(t *testing.T, o *office, current Epoch) {
		teller, d := o.devices[0], o.devices[1]
		heads := d.control.Heads()
		if _, err := d.router.Learn(crypto.DeviceID{1}, minted(0, heads...)); !errors.Is(err, ErrStranger) {
			t.Errorf("a stranger's: %v", err)
		}
		wrong := minted(0, heads...)
		wrong.ID[0]++
		if _, err := d.router.Learn(teller.id, wrong); !errors.Is(err, ErrEpoch) {
			t.Errorf("a wrong one: %v", err)
		}
		time.Sleep(epochBurst * epochEvery) // what the group itself told is forgotten
		tell := func() (took int) {
			for range 3 * epochBurst {
				o.devices[2].asked++ // a counter: each epoch is another
				_, err := d.router.Learn(teller.id, minted(byte(o.devices[2].asked), heads...))
				switch {
				case err == nil:
					took++
				case !errors.Is(err, ErrTooMany):
					t.Error(err)
				}
			}
			return took
		}
		if took := tell(); took != epochBurst {
			t.Errorf("took %d at once", took)
		}
		known, _ := d.router.Current()
		if _, err := d.router.Learn(teller.id, known); err != nil {
			t.Errorf("one that is here: %v", err)
		}
		time.Sleep(2 * epochEvery)
		if took := tell(); took != 2 {
			t.Errorf("took %d after a while", took)
		}
		synctest.Wait()
	})
}

// TestTopicsAreBounded has a member say that it listens to more than there can be.
func TestTopicsAreBounded(t *testing.T) {
	m := newMembers(func() {})
	device := crypto.DeviceID{1}
	id := peer.ID(device.PeerID())
	said := func(n int, on bool) *pb.RPC_SubOpts {
		name := fmt.Sprintf("%064d", n)
		return &pb.RPC_SubOpts{Topicid: &name, Subscribe: &on}
	}
	if _, err := m.FilterIncomingSubscriptions(id, []*pb.RPC_SubOpts{said(1, true)}); err == nil {
		t.Error("took a stranger's")
	}
	m.add(device, epoch0)
	kept := 0
	for n := range 10 * maxTopics {
		k, err := m.FilterIncomingSubscriptions(id, []*pb.RPC_SubOpts{said(n, true)})
		if err != nil {
			t.Fatal(err)
		}
		kept += len(k)
	}
	if kept != maxTopics {
		t.Errorf("kept %d", kept)
	}
	if k, _ := m.FilterIncomingSubscriptions(id, []*pb.RPC_SubOpts{said(0, false), said(99, true)}); len(k) != 2 {
		t.Error("no room for another after one was left")
	}
	if _, err := m.FilterIncomingSubscriptions(id, make([]*pb.RPC_SubOpts, 2*maxTopics+1)); err == nil {
		t.Error("took any number at once")
	}
	m.quiet(id)
	if k, _ := m.FilterIncomingSubscriptions(id, []*pb.RPC_SubOpts{said(5, true)}); len(k) != 1 {
		t.Error("no room on a new stream")
	}
}

func TestBytesAreBounded(t *testing.T) {
	m := newMembers(func() {})
	device := crypto.DeviceID{1}
	id := peer.ID(device.PeerID())
	m.add(device, epoch0)
	in := 0
	for range 2 * burstBytes / MaxPayload {
		rpc := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{{Data: make([]byte, MaxPayload)}}}}
		if err := m.inspect(id, rpc, epoch0); err != nil {
			t.Fatal(err)
		}
		in += len(rpc.Publish)
	}
	if in != burstBytes/MaxPayload {
		t.Errorf("%d let in", in)
	}
	if n := m.takeDrops()[device]; n != 2*burstBytes/MaxPayload-in {
		t.Errorf("%d reported", n)
	}
}
