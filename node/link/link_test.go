package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"
)

const echoProto = "/earshot-test/echo"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newHost makes a host that echoes and listens on addrs, and closes it with the test.
func newHost(t testing.TB, carrier Transport, addrs ...string) *Host {
	t.Helper()
	h, err := New(Config{Key: newKey(t), Transport: carrier})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	h.SetStreamHandler(echoProto, func(s network.Stream) {
		_, _ = io.Copy(s, s)
		_ = s.Close()
	})
	if err := h.Listen(multiaddrs(addrs...)); err != nil {
		t.Fatal(err)
	}
	return h
}

func multiaddrs(addrs ...string) (m []ma.Multiaddr) {
	for _, a := range addrs {
		m = append(m, ma.StringCast(a))
	}
	return m
}

func connect(t testing.TB, from, to *Host) {
	t.Helper()
	if err := from.Connect(t.Context(), to.ID(), to.ListenAddrs()); err != nil {
		t.Fatal(err)
	}
}

func echo(t testing.TB, s network.Stream, msg []byte) {
	t.Helper()
	if _, err := s.Write(msg); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, len(msg))
	if _, err := io.ReadFull(s, got); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, msg) {
		t.Errorf("echo: %d bytes, %d sent", len(got), len(msg))
	}
}

func openEcho(t testing.TB, from *Host, to peer.ID) network.Stream {
	t.Helper()
	s, err := from.NewStream(t.Context(), to, echoProto)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExchange(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	if _, err := a.NewStream(t.Context(), b.ID(), echoProto); !errors.Is(err, ErrNotConnected) {
		t.Fatalf("stream before connecting: %v", err)
	}
	connect(t, a, b)
	s := openEcho(t, a, b.ID())
	echo(t, s, []byte("hello"))
	echo(t, s, bytes.Repeat([]byte("x"), 100<<10))
	if _, err := a.NewStream(t.Context(), b.ID(), "/unknown"); err == nil {
		t.Fatal("a protocol nobody serves was agreed on")
	}
	if got := s.Conn().ConnState(); got.Security != "/tls/1.0.0" || !got.UsedEarlyMuxerNegotiation {
		t.Fatalf("connection: %+v", got)
	}
	if err := a.swarm.ClosePeer(b.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(s); err == nil {
		t.Fatal("a stream outlived its connection")
	}
}

func TestOffice(t *testing.T) {
	var hosts []*Host
	for i := range 20 {
		hosts = append(hosts, newHost(t, nil, []string{"/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"}[i%2]))
	}
	// Each dials three to either side, so that every pair of neighbours dials each other at once.
	dial := func(do func(a, b *Host)) {
		var wg sync.WaitGroup
		defer wg.Wait()
		for i, a := range hosts {
			for d := 1; d <= 3; d++ {
				wg.Go(func() { do(a, hosts[(i+d)%20]) })
				wg.Go(func() { do(a, hosts[(i+20-d)%20]) })
			}
		}
	}
	dial(func(a, b *Host) {
		var err error
		for range 3 { // both failing is rare and known; whoever wants the peer tries again
			if err = a.Connect(t.Context(), b.ID(), b.ListenAddrs()); err == nil {
				return
			}
		}
		t.Error(err)
	})
	dial(func(a, b *Host) {
		s, err := a.NewStream(t.Context(), b.ID(), echoProto)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		echo(t, s, []byte("hello"))
	})
}

func TestCloseIsNoticed(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	up, down := make(chan peer.ID, 1), make(chan peer.ID, 1)
	a.Notify(
		func(c network.Conn) { up <- c.RemotePeer() },
		func(c network.Conn) { down <- c.RemotePeer() },
	)
	connect(t, a, b)
	if id := <-up; id != b.ID() {
		t.Fatalf("connected to %s", id)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if id := <-down; id != b.ID() {
		t.Fatalf("disconnected from %s", id)
	}
	if len(a.Conns()) != 0 || len(a.ConnsTo(b.ID())) != 0 {
		t.Fatal("the connection is still listed")
	}
	if ids := a.peerstore.Peers(); len(ids) != 1 {
		t.Fatalf("kept of the peer: %v", ids)
	}
	if err := b.Connect(t.Context(), a.ID(), a.ListenAddrs()); !errors.Is(err, ErrClosed) {
		t.Fatalf("connect after close: %v", err)
	}
}

func TestCloseWaitsForHandlers(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	entered, ended := make(chan struct{}), false
	a.SetStreamHandler("/slow", func(s network.Stream) {
		close(entered)
		_, _ = io.Copy(io.Discard, s)
		ended = true
	})
	connect(t, b, a)
	if _, err := b.NewStream(t.Context(), a.ID(), "/slow"); err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !ended {
		t.Fatal("closed before the handler returned")
	}
}

func TestCloseEndsConnect(t *testing.T) {
	deaf, err := net.Listen("tcp4", "127.0.0.1:0") // accepts in the kernel, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	id, err := peer.Decode("12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(deaf.Addr().(*net.TCPAddr).Port)
	result := make(chan error, 1)
	go func() { result <- a.Connect(context.Background(), id, multiaddrs("/ip4/127.0.0.1/tcp/"+port)) }()
	c, err := deaf.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if err == nil {
			t.Fatal("connected to nobody")
		}
	default:
		t.Fatal("Close did not wait for Connect")
	}
}

func TestCloseLocal(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0")
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	c := newHost(t, nil, "/ip6/::1/tcp/0")
	connect(t, a, b)
	connect(t, a, c)
	a.CloseLocal([]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")})
	if len(a.ConnsTo(b.ID())) != 0 || len(a.ConnsTo(c.ID())) != 1 {
		t.Fatalf("left: %v", a.Conns())
	}
}

func TestConnectUsesOnlyWhatIsGiven(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	connect(t, a, b)
	_ = a.swarm.ClosePeer(b.ID())
	if err := a.Connect(t.Context(), b.ID(), nil); err == nil {
		t.Fatal("an address was remembered")
	}
	if err := a.Connect(t.Context(), b.ID(), multiaddrs("/dns4/localhost/tcp/"+strconv.Itoa(int(b.Port())))); err == nil {
		t.Fatal("a name was resolved")
	}
	// The failures leave no back-off behind.
	connect(t, a, b)
}

func TestListenPorts(t *testing.T) {
	a := newHost(t, nil, "/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0")
	port := strconv.Itoa(int(a.Port()))
	want := multiaddrs("/ip4/127.0.0.1/tcp/"+port, "/ip6/::1/tcp/"+port)
	if got := a.ListenAddrs(); len(got) != 2 || !ma.Contains(got, want[0]) || !ma.Contains(got, want[1]) {
		t.Fatalf("listening on %v", got)
	}

	b, err := New(Config{Key: newKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	// The first of the two is free and must be given back.
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := other.Addr().(*net.TCPAddr).Port
	other.Close()
	err = b.Listen(multiaddrs("/ip4/127.0.0.1/tcp/"+strconv.Itoa(free), "/ip6/::1/tcp/"+port))
	if !errors.Is(err, ErrPortTaken) || len(b.ListenAddrs()) != 0 || b.Port() != 0 {
		t.Fatalf("taken port: %v, listening on %v", err, b.ListenAddrs())
	}
	// An address this machine lacks is no reason not to listen on the others; alone it is an error.
	if err := b.Listen(multiaddrs("/ip4/192.0.2.1/tcp/0")); err == nil || errors.Is(err, ErrPortTaken) {
		t.Fatalf("foreign address: %v", err)
	}
	if err := b.Listen(multiaddrs("/ip4/192.0.2.1/tcp/0", "/ip4/127.0.0.1/tcp/0")); err != nil || b.Port() == 0 {
		t.Fatalf("one good address: %v", err)
	}
}

func TestListenAddrs(t *testing.T) {
	got := ListenAddrs(4747)
	if len(got) != 2 || got[0].String() != "/ip4/0.0.0.0/tcp/4747" || got[1].String() != "/ip6/::/tcp/4747" {
		t.Fatal(got)
	}
}

func TestNewRefusesKey(t *testing.T) {
	if _, err := New(Config{Key: make([]byte, 32)}); !errors.Is(err, ErrKey) {
		t.Fatal(err)
	}
}

func TestLibraryLogs(t *testing.T) {
	var out bytes.Buffer
	libraryLog.Store(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer libraryLog.Store(slog.New(slog.DiscardHandler))
	log := slog.New(libraryHandler{}).With("logger", "swarm2")
	log.Debug("one")
	log.Info("two")
	log.Warn("three")
	log.WithGroup("g").Error("four", "k", "v")
	got := out.String()
	lines := bytes.Count(out.Bytes(), []byte("\n"))
	if lines != 2 || bytes.Count(out.Bytes(), []byte("level=WARN")) != 2 ||
		bytes.Count(out.Bytes(), []byte("logger=swarm2")) != 2 || !bytes.Contains(out.Bytes(), []byte("g.k=v")) {
		t.Fatal(got)
	}
}

func BenchmarkEcho(b *testing.B) {
	x := newHost(b, nil, "/ip4/127.0.0.1/tcp/0")
	y := newHost(b, nil, "/ip4/127.0.0.1/tcp/0")
	connect(b, x, y)
	s := openEcho(b, x, y.ID())
	msg := slices.Repeat([]byte("x"), 100)
	b.SetBytes(100)
	for b.Loop() {
		echo(b, s, msg)
	}
	_ = s.Close()
}
