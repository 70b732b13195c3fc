package beacon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// TestBeaconIsWhatIsRead holds the bytes of PROTOCOL.md, "Beacons".
func TestBeaconIsWhatIsRead(t *testing.T) {
	p := packet{device: device(7), port: 27830, start: [startSize]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	b, err := p.write()
	const want = "65617273686f74" + "01" + "0000000000000007" + "000000000000000000000000000000000000000000000000" + "6cb6" + "0102030405060708"
	if got := hex.EncodeToString(b); err != nil || got != want || len(b) != 50 {
		// device puts its number into the first bytes after the fourth of the key
		t.Errorf("%d bytes, %v\ngot  %s\nwant %s", len(b), err, got, want)
	}
	if got, err := read(b); err != nil || got != p {
		t.Errorf("read as %v, %v", got, err)
	}
}

// TestOtherPacketsAreNone: each byte of the beginning, the length and the port are as they have to be.
func TestOtherPacketsAreNone(t *testing.T) {
	good := said(device(2), 4001)
	refused := map[string][]byte{"nothing": nil, "one byte more": append(slices.Clone(good), 0), "mDNS": []byte("\x00\x00\x84\x00")}
	for i := range good {
		refused[fmt.Sprintf("the first %d bytes", i)] = good[:i]
	}
	for i := range magic {
		b := slices.Clone(good)
		b[i]++
		refused[fmt.Sprintf("another byte %d", i)] = b
	}
	for what, port := range map[string]uint16{"port 0": 0, "a port of services": 1023} {
		refused[what] = said(device(2), port)
	}
	for what, b := range refused {
		if p, err := read(b); !errors.Is(err, errPacket) {
			t.Errorf("%s: %v, %v", what, p, err)
		}
	}
	for _, port := range []uint16{1024, 65535} {
		if p, err := read(said(device(2), port)); err != nil || p.port != port {
			t.Errorf("port %d: %v, %v", port, p, err)
		}
	}
}

// TestOnlyEd25519DevicesHaveBeacons: a beacon has room for no other key.
func TestOnlyEd25519DevicesHaveBeacons(t *testing.T) {
	_, key, err := crypto.GenerateSecp256k1Key(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := (packet{device: id, port: 4001}).write(); err == nil {
		t.Errorf("written: %x", b)
	}
}

// FuzzBeacon feeds what a hostile sender controls: any packet. What is read is written as the same
// bytes, so no beacon has a second form.
func FuzzBeacon(f *testing.F) {
	f.Add(said(device(2), 4001, 1, 2, 3))
	f.Add(said(device(2), 4001)[:size-1])
	f.Add([]byte(magic))
	f.Add(bytes.Repeat([]byte{0xff}, size))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := read(b)
		if err != nil {
			if !errors.Is(err, errPacket) {
				t.Fatal(err)
			}
			return
		}
		if again, err := p.write(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is written again as %x, %v", b, again, err)
		}
		if p.port < 1024 {
			t.Fatalf("port %d", p.port)
		}
	})
}
