package mesh

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/link/memnet"
)

// named has a party look for who is at some places, until the function that it returns is called.
func (p *party) named(texts ...string) (ends func()) {
	p.t.Helper()
	var named []discovery.Named
	for _, text := range texts {
		n, err := discovery.ParseNamed(text)
		if err != nil {
			p.t.Fatal(err)
		}
		named = append(named, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); p.LookFor(ctx, named) }()
	return func() { cancel(); <-ended }
}

// TestPlaceWithoutDevice: who is at HOST:PORT is found out, dialled, and found out anew when it is
// another device.
func TestPlaceWithoutDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		ann, bob := newParty(t, net, 1), newParty(t, net, 2)
		ann.runs()
		defer func() { ann.ends() }()
		defer ann.named("10.0.0.2:4001")()
		time.Sleep(time.Minute)
		synctest.Wait()
		if u := ann.Unreached(); len(u) != 1 || u[0].Text != "10.0.0.2:4001" || u[0].Err == nil || len(ann.unreached) != 1 {
			t.Errorf("nobody is there yet: %v, and once was told %v", u, ann.unreached)
		}
		bob.runs()
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		if !ann.Online(bob.key.ID()) || len(ann.Unreached()) != 0 {
			t.Errorf("Bob is there, and not met: %v", ann.Unreached())
		}
		bob.ends()
		cy := newParty(t, net, 2)
		cy.runs()
		defer func() { cy.ends() }()
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		if !ann.Online(cy.key.ID()) || len(ann.Unreached()) != 0 {
			t.Errorf("Cy is there now, and not met: %v", ann.Unreached())
		}
	})
}

// TestDeadPeerIsTold: an address that was typed and at which nobody answers was said nowhere.
func TestDeadPeerIsTold(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		dead := fmt.Sprintf("/ip4/10.0.0.9/tcp/4001/p2p/%s", peerID(deviceNumber(9)))
		alive := fmt.Sprintf("/ip4/10.0.0.2/tcp/4001/p2p/%s", bob.link.ID())
		defer ann.named(dead, alive, "10.0.0.1:4001", "10.0.0.2:4001")()
		time.Sleep(time.Minute)
		synctest.Wait()
		u := ann.Unreached()
		if len(u) != 2 || u[0].Text != dead || u[1].Text != "10.0.0.1:4001" || u[0].Err == nil || u[1].Err == nil {
			t.Errorf("unreached: %v", u)
		}
		if len(ann.unreached) != 2 {
			t.Errorf("told: %v", ann.unreached)
		}
	})
}

// TestPlaceKeepsOneDevice: whoever answers at a place with ever new devices takes one of the places
// that are kept for those whom the owner named.
func TestPlaceKeepsOneDevice(t *testing.T) {
	r := newTestRegister()
	n, err := discovery.ParseNamed("10.0.0.1:4001")
	if err != nil {
		t.Fatal(err)
	}
	p := r.name([]discovery.Named{n})[0]
	addrs, _ := n.Addrs(t.Context())
	var ids []peer.ID
	for i := range 10 {
		id := peerID(deviceNumber(i + 1))
		ids = append(ids, id)
		r.looked(p, id, nil)
		r.sighted(discovery.Sighting{Device: id, Addrs: addrs, Source: discovery.FromManual})
	}
	pinned := 0
	for _, id := range ids {
		if r.planner.State(id).Pinned {
			pinned++
		}
	}
	if pinned != 1 {
		t.Errorf("%d devices are kept", pinned)
	}
}
