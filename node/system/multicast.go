package system

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	gosync "sync"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/multicast"
)

const (
	// tries is how often a packet is sent before it counts as lost, and patience how long each is
	// waited for. What a machine sends to itself is there in far less than a millisecond; a busy one
	// may take longer, and a buffer that others have filled may lose one.
	tries    = 3
	patience = 300 * time.Millisecond

	// settled is how long after a link came up it may have no IPv6 address that can be sent from: the
	// system first asks whether somebody else has it.
	settled = 3 * time.Second
)

// A Group says where packets of some protocol are sent, in each IP version.
type Group func(multicast.Family) multicast.Group

// Multicast sends a packet to each group over each link by one socket, and listens for it by another.
func (m Machine) Multicast(ctx context.Context, links []discovery.Link, groups ...Group) (out []checks.Sent) {
	var mu gosync.Mutex
	var tests gosync.WaitGroup
	for _, l := range links {
		for _, to := range groups {
			for f := range multicast.Families {
				if f.Of(l) {
					tests.Go(func() { // ends within the patience of a test, or with ctx
						s := send(ctx, l, to(f))
						mu.Lock()
						defer mu.Unlock()
						out = append(out, s)
					})
				}
			}
		}
	}
	tests.Wait()
	slices.SortFunc(out, func(a, b checks.Sent) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Family, b.Family))
	})
	return out
}

// send sends a packet over a link, and says whether another socket hears it.
func send(ctx context.Context, l discovery.Link, to multicast.Group) checks.Sent {
	s := checks.Sent{Interface: l.Name, Family: to.Family.String(), Port: to.At.Port()}
	packet := question()
	heard := make(chan struct{})
	hear := gosync.OnceFunc(func() { close(heard) })
	in, err := multicast.Listen(to, []discovery.Link{l}, func(b []byte, _ netip.AddrPort, _ int) {
		if bytes.Equal(b, packet) {
			hear()
		}
	})
	if err != nil {
		s.Listening = err
		return s
	}
	defer in.Close()
	out, err := multicast.Listen(to, []discovery.Link{l}, func([]byte, netip.AddrPort, int) {})
	if err != nil {
		s.Sending = err
		return s
	}
	defer out.Close()
	began := time.Now()
	for sent := 0; sent < tries; {
		s.Sending = out.Say(packet, l)
		switch {
		case s.Sending == nil:
			sent++
		case !errors.Is(s.Sending, syscall.EADDRNOTAVAIL) || time.Since(began) > settled:
			return s
		}
		select {
		case <-heard:
			s.Heard = true
			return s
		case <-ctx.Done():
			return s
		case <-time.After(patience):
		}
	}
	return s
}

// question is a packet of multicast DNS that asks for the address of a host whose name is random, so
// that nobody has an answer and nobody else sends the same. To those who listen for beacons it is
// none.
func question() []byte {
	const (
		random         = 20 // characters of 5 bits
		typeA, classIN = 1, 1
	)
	b := binary.BigEndian.AppendUint16(make([]byte, 4, 64), 1) // no ID, no flags, one question
	b = append(b, make([]byte, 6)...)
	for _, label := range []string{rand.Text()[:random], "local"} {
		b = append(append(b, byte(len(label))), label...)
	}
	b = binary.BigEndian.AppendUint16(append(b, 0), typeA)
	return binary.BigEndian.AppendUint16(b, classIN)
}

// Shared says whether the UDP port of a group can be shared with the programs that have it.
func (m Machine) Shared(at Group) (c checks.Claim) {
	for f := range multicast.Families {
		group := at(f)
		c.Port = group.At.Port()
		s, err := multicast.Listen(group, nil, func([]byte, netip.AddrPort, int) {})
		switch {
		case err == nil:
			s.Close()
		case held(err):
			return checks.Claim{Port: c.Port, Held: true, Holder: holder(procfs, "udp", c.Port), Err: system(err)}
		}
		// Any other error, such as that there is no IPv6, the test of multicast shows.
	}
	return c
}

// Listening says whether a TCP port is free.
func (m Machine) Listening(port uint16) checks.Claim {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(int(port)))
	if err == nil {
		_ = l.Close()
		return checks.Claim{Port: port}
	}
	c := checks.Claim{Port: port, Err: system(err)}
	if held(err) {
		c.Held, c.Holder = true, holder(procfs, "tcp", port)
	}
	return c
}

// system returns what the system has said, without what the libraries add.
func system(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}
