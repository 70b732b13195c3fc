package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

// security is libp2p's TLS with three changes: the certificate is valid whatever the clock says,
// only the hybrid key agreement is offered and accepted, and a peer's key must be an Ed25519 key. On
// the wire it is /tls/1.0.0, with the muxer negotiated by ALPN.
type security struct {
	identity *libp2ptls.Identity
	local    peer.ID
	muxer    protocol.ID

	// turn waits until an accepted connection may begin its handshake, and says from where it
	// comes, if it is to be charged for it. spent is told what the handshake has cost.
	turn  func(context.Context, net.Conn) (from netip.Addr, err error)
	spent func(from netip.Addr, d time.Duration)
}

var _ sec.SecureTransport = (*security)(nil)

// errKeyKind ends a handshake with a peer that has proven a key of another kind.
var errKeyKind = errors.New("the peer's key is not an Ed25519 key")

func newSecurity(key crypto.PrivKey, local peer.ID, muxer protocol.ID) (*security, error) {
	identity, err := libp2ptls.NewIdentity(key, libp2ptls.WithCertTemplate(certTemplate()))
	if err != nil {
		return nil, err
	}
	return &security{identity: identity, local: local, muxer: muxer}, nil
}

// certTemplate is valid from the first second that a Unix clock can show to the last that X.509 can
// write (RFC 5280, 4.1.2.5). The library's own template begins an hour before the local time, and
// peers whose clocks are behind refuse it. A peer is proven by the signature of the device key over
// the certificate's key, so the dates don't matter.
func certTemplate() *x509.Certificate {
	return &x509.Certificate{
		NotBefore: time.Unix(0, 0).UTC(),
		NotAfter:  time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		Subject:   pkix.Name{SerialNumber: "1"}, // the issuer, which is the subject here, must not be empty
	}
}

// ID is the name under which libp2p negotiates TLS.
func (s *security) ID() protocol.ID { return libp2ptls.ID }

// SecureInbound accepts a handshake; an empty ID accepts any peer.
func (s *security) SecureInbound(ctx context.Context, raw net.Conn, id peer.ID) (sec.SecureConn, error) {
	if s.turn != nil {
		from, err := s.turn(ctx, raw)
		if err != nil {
			raw.Close()
			return nil, err
		}
		if s.spent != nil && from.IsValid() {
			s.spent(from, handshakeCost)
		}
	}
	return s.handshake(ctx, raw, id, tls.Server)
}

// SecureOutbound offers a handshake and accepts only the peer that was dialled.
func (s *security) SecureOutbound(ctx context.Context, raw net.Conn, id peer.ID) (sec.SecureConn, error) {
	return s.handshake(ctx, raw, id, tls.Client)
}

func (s *security) handshake(ctx context.Context, raw net.Conn, id peer.ID,
	side func(net.Conn, *tls.Config) *tls.Conn,
) (_ sec.SecureConn, err error) {
	defer func() {
		if err != nil {
			raw.Close()
		}
	}()
	config, keys := s.identity.ConfigForPeer(id)
	config.MinVersion = tls.VersionTLS13
	config.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	// There is one muxer. "libp2p", the fallback that leads to a second negotiation, is not
	// offered.
	config.NextProtos = []string{string(s.muxer)}
	// The library's verification sends the key when it has proven it. libp2p knows other kinds of
	// keys; a device has an Ed25519 one, and all else counts on that.
	var key crypto.PubKey
	prove := config.VerifyPeerCertificate
	config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
		if err := prove(raw, chains); err != nil {
			return err
		}
		if key = <-keys; key.Type() != crypto.Ed25519 {
			return errKeyKind
		}
		return nil
	}
	conn := side(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 {
		return nil, fmt.Errorf("no hybrid key agreement: %s, %s", tls.VersionName(state.Version), state.CurveID)
	}
	if state.NegotiatedProtocol != string(s.muxer) {
		return nil, fmt.Errorf("no muxer in common: %q", state.NegotiatedProtocol)
	}
	if key == nil { // without the key the peer is not proven
		return nil, errors.New("peer unproven")
	}
	remote, err := peer.IDFromPublicKey(key)
	if err != nil {
		return nil, err
	}
	return &secureConn{Conn: conn, local: s.local, remote: remote, key: key, muxer: s.muxer}, nil
}

type secureConn struct {
	*tls.Conn
	local, remote peer.ID
	key           crypto.PubKey
	muxer         protocol.ID
}

func (c *secureConn) LocalPeer() peer.ID             { return c.local }
func (c *secureConn) RemotePeer() peer.ID            { return c.remote }
func (c *secureConn) RemotePublicKey() crypto.PubKey { return c.key }
func (c *secureConn) ConnState() network.ConnectionState {
	return network.ConnectionState{StreamMultiplexer: c.muxer, UsedEarlyMuxerNegotiation: true}
}
