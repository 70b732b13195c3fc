package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

const testMuxer = "/yamux/1.0.0"

func testSecurity(t *testing.T) (*security, crypto.PrivKey) {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSecurity(key, id, testMuxer)
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

func loopback(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp4", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// shake runs both sides of a handshake; the client expects id.
func shake(t *testing.T, client, server *security, id peer.ID) (sec.SecureConn, error, error) {
	t.Helper()
	c, s := loopback(t)
	served := make(chan error, 1)
	go func() {
		_, err := server.SecureInbound(t.Context(), s, "")
		served <- err
	}()
	conn, err := client.SecureOutbound(t.Context(), c, id)
	return conn, err, <-served
}

func TestHandshake(t *testing.T) {
	a, _ := testSecurity(t)
	b, key := testSecurity(t)
	conn, err, served := shake(t, a, b, b.local)
	if err != nil || served != nil {
		t.Fatal(err, served)
	}
	if conn.RemotePeer() != b.local || conn.LocalPeer() != a.local || !conn.RemotePublicKey().Equals(key.GetPublic()) {
		t.Fatalf("who: %s", conn.RemotePeer())
	}
	state := conn.(*secureConn).ConnectionState()
	if state.CurveID != tls.X25519MLKEM768 || state.Version != tls.VersionTLS13 {
		t.Fatalf("agreed on %s, %s", state.CurveID, tls.VersionName(state.Version))
	}
	if got := conn.ConnState(); got.StreamMultiplexer != testMuxer || !got.UsedEarlyMuxerNegotiation {
		t.Fatalf("muxer: %+v", got)
	}
}

func TestWrongPeerIsRefused(t *testing.T) {
	a, _ := testSecurity(t)
	b, _ := testSecurity(t)
	c, _ := testSecurity(t)
	_, err, _ := shake(t, a, b, c.local)
	var mismatch sec.ErrPeerIDMismatch
	if !errors.As(err, &mismatch) || mismatch.Actual != b.local {
		t.Fatalf("wrong peer: %v", err)
	}
}

// A peer of another build: its identity is sound, but it offers what we do not accept.
func TestWeakerPeersAreRefused(t *testing.T) {
	a, _ := testSecurity(t)
	b, _ := testSecurity(t)
	for name, weaken := range map[string]func(*tls.Config){
		"classical key agreement": func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"TLS 1.2": func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		},
		"another muxer": func(c *tls.Config) { c.NextProtos = []string{"/mplex/6.7.0"} },
	} {
		t.Run(name, func(t *testing.T) {
			config := func() *tls.Config {
				c, _ := b.identity.ConfigForPeer("")
				c.NextProtos = []string{testMuxer}
				weaken(c)
				return c
			}
			c, s := loopback(t)
			go func() { _ = tls.Client(c, config()).HandshakeContext(t.Context()) }()
			if _, err := a.SecureInbound(t.Context(), s, ""); err == nil {
				t.Error("accepted as a server")
			}
			c, s = loopback(t)
			go func() { _ = tls.Server(s, config()).HandshakeContext(t.Context()) }()
			if _, err := a.SecureOutbound(t.Context(), c, b.local); err == nil {
				t.Error("accepted as a client")
			}
		})
	}
}

func TestCertificateFitsAnyClock(t *testing.T) {
	s, key := testSecurity(t)
	config, _ := s.identity.ConfigForPeer("")
	cert, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	for _, now := range []time.Time{
		time.Unix(0, 0),
		time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), // a dead battery's
		time.Now().AddDate(-10, 0, 0),
		time.Now().AddDate(10, 0, 0),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		c := *cert
		c.UnhandledCriticalExtensions = nil
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("at %s: %v", now, err)
		}
	}
	pub, err := libp2ptls.PubKeyFromCertChain([]*x509.Certificate{cert})
	if err != nil || !pub.Equals(key.GetPublic()) {
		t.Fatal(err)
	}
}

// A node whose clock shows 2000 meets a certificate of the real present, and the other way round.
func TestHandshakeAcrossDecades(t *testing.T) {
	present, _ := testSecurity(t)
	old, _ := testSecurity(t)
	var past *security
	synctest.Test(t, func(t *testing.T) {
		if y := time.Now().Year(); y != 2000 {
			t.Fatalf("the bubble's year is %d", y)
		}
		past, _ = testSecurity(t)
		// Both ends live in the bubble's clock; the one's certificate is from outside it.
		for _, s := range []*security{old, past} {
			c, d := net.Pipe()
			served := make(chan error, 1)
			go func() {
				_, err := present.SecureInbound(context.Background(), d, "")
				served <- err
			}()
			if _, err := s.SecureOutbound(context.Background(), c, present.local); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
			c.Close()
			d.Close()
		}
	})
	if _, err, served := shake(t, present, past, past.local); err != nil || served != nil {
		t.Fatal(err, served)
	}
}

var _ network.ConnSecurity = (*secureConn)(nil)

// TestOnlyEd25519PeersGetIn: libp2p knows four kinds of keys, and a peer with another than Ed25519
// got through the handshake and had the device ID zero.
func TestOnlyEd25519PeersGetIn(t *testing.T) {
	a, _ := testSecurity(t)
	for name, kind := range map[string]struct{ kind, bits int }{
		"RSA": {crypto.RSA, 2048}, "ECDSA": {crypto.ECDSA, 0}, "secp256k1": {crypto.Secp256k1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			key, _, err := crypto.GenerateKeyPair(kind.kind, kind.bits)
			if err != nil {
				t.Fatal(err)
			}
			id, err := peer.IDFromPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			odd, err := newSecurity(key, id, testMuxer)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, served := shake(t, odd, a, a.local); !errors.Is(served, errKeyKind) {
				t.Errorf("it was let in: %v", served)
			}
			if _, dialled, _ := shake(t, a, odd, id); !errors.Is(dialled, errKeyKind) {
				t.Errorf("it was dialled: %v", dialled)
			}
		})
	}
}

// BenchmarkHandshake measures what both sides of a handshake take, see handshakeCost.
func BenchmarkHandshake(b *testing.B) {
	sides := make([]*security, 2)
	for i := range sides {
		key, err := crypto.UnmarshalEd25519PrivateKey(newKey(b))
		if err != nil {
			b.Fatal(err)
		}
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			b.Fatal(err)
		}
		if sides[i], err = newSecurity(key, id, testMuxer); err != nil {
			b.Fatal(err)
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			_, err := sides[1].SecureInbound(b.Context(), s, "")
			served <- err
		}()
		if _, err := sides[0].SecureOutbound(b.Context(), c, sides[1].local); err != nil {
			b.Fatal(err)
		}
		if err := <-served; err != nil {
			b.Fatal(err)
		}
		c.Close()
		s.Close()
	}
}
