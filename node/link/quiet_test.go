package link

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	mstream "github.com/multiformats/go-multistream"
)

// said opens a stream, asks for protocols one after the other, and returns all that the peer writes
// until it ends the stream.
func said(t *testing.T, from *Host, to peer.ID, protos ...protocol.ID) (out []byte, err error) {
	t.Helper()
	s, err := from.swarm.NewStream(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Reset()
	for _, p := range append([]protocol.ID{mstream.ProtocolID}, protos...) {
		if _, err := s.Write(append([]byte{byte(len(p) + 1)}, p+"\n"...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
	out, err = io.ReadAll(s)
	return out, err
}

// TestQuietProtocolIsUnknownToOthers: whoever may not know of a protocol is answered as if it did not
// exist, byte for byte, and the others are served.
func TestQuietProtocolIsUnknownToOthers(t *testing.T) {
	const quiet, none = "/quiet/1", "/quiet/9"
	listener, friend, stranger := newHost(t, nil, "/ip4/127.0.0.1/tcp/0"), newHost(t, nil), newHost(t, nil)
	var trusts atomic.Bool
	trusts.Store(true)
	listener.host.may = func(id peer.ID) bool { return trusts.Load() && id == friend.ID() }
	var served atomic.Int32
	listener.SetQuietHandler(quiet, func(s network.Stream) {
		served.Add(1)
		_, _ = s.Write([]byte("words"))
		_ = s.Close()
	})
	listener.SetStreamHandler("/loud/1", func(s network.Stream) { _ = s.Close() })
	connect(t, friend, listener)
	connect(t, stranger, listener)

	if got, err := said(t, friend, listener.ID(), quiet); err != nil || !bytes.HasSuffix(got, []byte(quiet+"\nwords")) {
		t.Errorf("a friend gets %q, %v", got, err)
	}
	if got, err := said(t, friend, listener.ID(), "/loud/1"); err != nil || !bytes.HasSuffix(got, []byte("/loud/1\n")) {
		t.Errorf("a friend gets %q, %v, of a protocol for everybody", got, err)
	}
	unlike := func(who *Host) {
		t.Helper()
		got, err := said(t, who, listener.ID(), quiet, quiet, "/loud/1")
		want, wantErr := said(t, who, listener.ID(), none, none, "/loud/1")
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("answered %q, %v; of a protocol that does not exist %q, %v", got, err, want, wantErr)
		}
	}
	unlike(stranger)
	trusts.Store(false)
	unlike(friend)
	if n := served.Load(); n != 1 {
		t.Errorf("served %d times", n)
	}
	trusts.Store(true)
	listener.RemoveStreamHandler(quiet)
	unlike(friend)
}
