package rogue

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/libp2p/go-yamux/v5"
	mstream "github.com/multiformats/go-multistream"
)

const (
	connectWithin = 5 * time.Second
	greetWithin   = 15 * time.Second
)

// Link is a connection whose handshake is over.
type Link struct {
	*yamux.Session
	By *Person
}

// Connect opens a TCP connection, which ends with the attack.
func (c *Client) Connect(ctx context.Context, from netip.Addr) (net.Conn, error) {
	d := net.Dialer{Timeout: connectWithin}
	if from.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	raw, err := d.DialContext(ctx, "tcp", c.At.String())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	return raw, nil
}

// Link connects as somebody.
func (c *Client) Link(ctx context.Context, from netip.Addr, by *Person) (*Link, error) {
	c.handshakes <- struct{}{}
	defer func() { <-c.handshakes }()
	raw, err := c.Connect(ctx, from)
	if err != nil {
		return nil, err
	}
	l, err := c.shake(raw, by)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return l, nil
}

func (c *Client) shake(raw net.Conn, by *Person) (*Link, error) {
	if err := raw.SetDeadline(time.Now().Add(greetWithin)); err != nil {
		return nil, err
	}
	if err := mstream.SelectProtoOrFail("/tls/1.0.0", raw); err != nil {
		return nil, fmt.Errorf("multistream: %w", err)
	}
	config, _ := by.TLS.ConfigForPeer(c.Peer)
	config.MinVersion = tls.VersionTLS13
	config.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	config.NextProtos = []string{"/yamux/1.0.0"}
	t := tls.Client(raw, config)
	if err := t.Handshake(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	settings := yamux.DefaultConfig()
	settings.LogOutput = io.Discard
	settings.ReadBufSize = 0
	y, err := yamux.Client(t, settings, nil)
	if err != nil {
		return nil, err
	}
	return &Link{y, by}, nil
}

// Until waits until the link or the attack is over, and says whether the link has outlived it.
func (l *Link) Until(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-l.CloseChan():
		return ctx.Err() != nil
	}
}
