package sightings

import (
	"context"
	"errors"
	"log/slog"

	"github.com/earshot-im/earshot/discovery"
)

var (
	// ErrNoInterface means that no interface is up that could be used. It ends by itself when one
	// appears, unless the user has named others.
	ErrNoInterface = errors.New("no usable network interface")

	// ErrLowPort means that this node listens on a port that nobody believes who hears of it. The user
	// should choose a higher one, or name this device to the others by --peer.
	ErrLowPort = errors.New("this node listens below port 1024, where nobody looks for it")
)

// Status says what does not work now of a protocol by which devices find each other. A machine
// without IPv6 always has an error there.
type Status struct {
	Announce error // telling others of this device
	IPv4     error // hearing others over IPv4
	IPv6     error // hearing others over IPv6
}

// Explained says that a protocol does not work because of the interfaces that there are, as is known
// without it.
func Explained(err error) bool {
	return errors.Is(err, ErrNoInterface) || errors.Is(err, discovery.ErrNoAddress)
}

// Log writes what has begun to fail of a protocol since before, or works again.
func (s Status) Log(log *slog.Logger, protocol string, before Status) {
	for _, part := range []struct {
		what        string
		before, now error
	}{
		{"announcing", before.Announce, s.Announce},
		{"hearing over IPv4", before.IPv4, s.IPv4},
		{"hearing over IPv6", before.IPv6, s.IPv6},
	} {
		level := slog.LevelWarn
		if Explained(part.now) {
			level = slog.LevelInfo
		}
		switch {
		case part.now == nil && part.before != nil:
			log.Info(part.what+" works", "protocol", protocol)
		case part.now != nil && (part.before == nil || part.now.Error() != part.before.Error()):
			log.Log(context.Background(), level, part.what+" does not work", "protocol", protocol, "err", part.now)
		}
	}
}
