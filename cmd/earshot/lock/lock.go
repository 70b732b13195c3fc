// Package lock tells whether the screen of the owner's session is locked, so that a screen of earshot behind
// it counts as one that nobody sees.
//
// It asks logind, by the LockedHint of the session, over the system bus. Nothing is asked but when the bus
// says that something has changed. Where there is no such bus, no logind or no session, as on macOS, on
// Windows and in most containers, it has nothing to tell. It starts no service, and believes nobody but
// logind: a signal, which others could send too, only makes it ask.
package lock

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	logind  = "org.freedesktop.login1"
	manager = dbus.ObjectPath("/org/freedesktop/login1")
	// own is the session of whoever asks or, if their process is in none, the one at the user's display.
	own  = dbus.ObjectPath("/org/freedesktop/login1/session/auto")
	hint = logind + ".Session.LockedHint"

	// patience is how long the bus may take to answer.
	patience = 5 * time.Second
)

// rings says that a signal has come. Of many at once one is kept.
type rings chan struct{}

// DeliverSignal never waits.
func (r rings) DeliverSignal(string, string, *dbus.Signal) {
	select {
	case r <- struct{}{}:
	default:
	}
}

// Follow tells whether the session is locked, each time that this is another than before, until ctx ends. It
// begins as unlocked. Its error says why it can't be known, or not any more.
func Follow(ctx context.Context, tell func(locked bool)) error {
	changed := make(rings, 1)
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithSignalHandler(changed))
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	session, err := sessionOf(ctx, conn)
	if err != nil {
		return fmt.Errorf("find the session: %w", err)
	}
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(logind), dbus.WithMatchObjectPath(session),
		dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"))
	if err != nil {
		return fmt.Errorf("follow the session: %w", err)
	}
	was := false
	for {
		var locked bool
		if err := get(ctx, conn, session, hint, &locked); err != nil {
			return fmt.Errorf("ask whether the session is locked: %w", err)
		}
		if locked != was {
			was = locked
			tell(locked)
		}
		select {
		case <-changed:
		case <-conn.Context().Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return dbus.ErrClosed
		}
	}
}

// sessionOf finds the session of this process: as the environment calls it, as logind knows the process, or
// the one at the user's display, since terminals of a desktop may be started beside the session.
func sessionOf(ctx context.Context, conn *dbus.Conn) (path dbus.ObjectPath, err error) {
	if id := os.Getenv("XDG_SESSION_ID"); id != "" {
		if call(ctx, conn, manager, logind+".Manager.GetSession", id).Store(&path) == nil {
			return path, nil
		}
	}
	if call(ctx, conn, manager, logind+".Manager.GetSessionByPID", uint32(os.Getpid())).Store(&path) == nil {
		return path, nil
	}
	var id string
	if err := get(ctx, conn, own, logind+".Session.Id", &id); err != nil {
		return "", err
	}
	err = call(ctx, conn, manager, logind+".Manager.GetSession", id).Store(&path)
	return path, err
}

func call(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Object(logind, path).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...)
}

// get reads a property of a session.
func get(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, name string, into any) error {
	const sessions = logind + ".Session"
	var v dbus.Variant
	if err := call(ctx, conn, path, "org.freedesktop.DBus.Properties.Get", sessions, name[len(sessions)+1:]).Store(&v); err != nil {
		return err
	}
	return v.Store(into)
}
