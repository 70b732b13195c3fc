package desktop

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	service   = "org.freedesktop.Notifications"
	object    = "/org/freedesktop/Notifications"
	bus       = "org.freedesktop.DBus"
	busObject = "/org/freedesktop/DBus"

	// farewell is how long it may take to close what is shown when the node ends.
	farewell = time.Second

	// maxSignals is how many signals of the desktop may wait. Past it the bus library holds them.
	maxSignals = 64

	// maxShown bounds the notifications that are remembered. The node has fewer.
	maxShown = 64
)

// Actions, as the desktop calls them.
const (
	actionOpen  = "default"
	actionRead  = "read"
	actionReply = "inline-reply"
)

var errNoBus = errors.New("no session bus")

// address returns where the session bus is; "" if this is no desktop session. Nothing is started for it.
func address() string {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" {
		return a
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return ""
	}
	path := filepath.Join(dir, "bus")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(path)
}

// display says whether something can be shown from here: then a desktop's service may be started that is
// started on demand.
func display() bool { return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" }

// desktop is the service of a desktop while it is there. It belongs to the goroutine that follows the bus,
// which does what Alerts asks for by asks.
type desktop struct {
	cfg   *Config
	conn  *dbus.Conn
	owner string          // of the service, by its unique name
	can   map[string]bool // capabilities
	asks  chan func()     // what Alerts wants done by the goroutine of serve

	shown map[About]uint32
	about map[uint32]About
}

// onBus follows the bus, and shows notifications while the service is there.
func onBus(ctx context.Context, cfg *Config) error {
	at := address()
	if at == "" {
		return errNoBus
	}
	living, end := context.WithCancel(context.WithoutCancel(ctx)) // at the end what is shown is still closed
	defer end()
	stop := context.AfterFunc(ctx, end)
	conn, err := dbus.Connect(at, dbus.WithContext(living), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if stop(); err != nil {
		return fmt.Errorf("connect to the session bus: %w", err)
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, maxSignals)
	conn.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(bus), dbus.WithMatchInterface(bus), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)},
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(service), dbus.WithMatchObjectPath(object)},
	} {
		if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
			return fmt.Errorf("follow the session bus: %w", err)
		}
	}
	var started time.Time
	for {
		owner := ownerOf(ctx, conn)
		if owner == "" && display() && time.Since(started) > retry {
			started = time.Now()
			owner = start(ctx, conn)
		}
		if owner != "" {
			d := &desktop{cfg: cfg, conn: conn, owner: owner, asks: make(chan func()), shown: make(map[About]uint32), about: make(map[uint32]About)}
			if err := d.serve(ctx, signals); err != nil {
				return err
			}
			continue
		}
		select {
		case _, more := <-signals: // the service may have come
			if !more {
				return dbus.ErrClosed
			}
		case <-conn.Context().Done():
			return dbus.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tellBus shows one notification.
func tellBus(ctx context.Context, a Alert) error {
	at := address()
	if at == "" {
		return errNoBus
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dbus.Connect(at, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("connect to the session bus: %w", err)
	}
	defer conn.Close()
	owner := ownerOf(ctx, conn)
	if owner == "" && display() {
		owner = start(ctx, conn)
	}
	if owner == "" {
		return errNoDesktop
	}
	d := &desktop{cfg: new(Config), conn: conn, owner: owner, shown: make(map[About]uint32), about: make(map[uint32]About)}
	_ = d.ask(ctx) // a service that doesn't say what it can is given plain text
	return d.do(ctx, a)
}

// ownerOf returns who has the service's name now; "" if nobody has.
func ownerOf(ctx context.Context, conn *dbus.Conn) (owner string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if conn.BusObject().CallWithContext(ctx, bus+".GetNameOwner", 0, service).Store(&owner) != nil {
		return ""
	}
	return owner
}

// start has the bus start the service, if it is one that is started when it is needed.
func start(ctx context.Context, conn *dbus.Conn) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var names []string
	if err := conn.BusObject().CallWithContext(ctx, bus+".ListActivatableNames", 0).Store(&names); err != nil || !slices.Contains(names, service) {
		return ""
	}
	if conn.BusObject().CallWithContext(ctx, bus+".StartServiceByName", 0, service, uint32(0)).Err != nil {
		return ""
	}
	return ownerOf(ctx, conn)
}

// serve shows notifications until the service goes. It fails if the bus does.
func (d *desktop) serve(parent context.Context, signals <-chan *dbus.Signal) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	if err := d.ask(ctx); err != nil {
		d.cfg.Log.Info("ask the desktop what it can show", "err", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.cfg.Alerts(ctx, d.tell(ctx)) }() // ends with ctx
	defer func() {
		cancel()
		d.drain(ended)
		d.closeAll()
	}()
	for {
		select {
		case do := <-d.asks:
			do()
		case err := <-ended:
			ended <- err
			if parent.Err() != nil {
				return parent.Err()
			}
			d.cfg.Log.Info("show a notification", "err", err)
			return err
		case s, more := <-signals:
			if !more {
				return dbus.ErrClosed
			}
			if s.Name == bus+".NameOwnerChanged" {
				if ownerOf(ctx, d.conn) != d.owner {
					return nil
				}
			} else if s.Sender == d.owner {
				d.heard(ctx, s)
			}
		case <-d.conn.Context().Done():
			return dbus.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// closeAll closes what is shown: nobody will know when it was read.
func (d *desktop) closeAll() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	for id := range d.about {
		_ = d.service().CallWithContext(ctx, service+".CloseNotification", 0, id).Err
	}
}

// drain waits until the node gives no more alerts.
func (d *desktop) drain(ended <-chan error) {
	for {
		select {
		case do := <-d.asks:
			do()
		case <-ended:
			return
		}
	}
}

// ask finds out what the service can.
func (d *desktop) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []string
	err := d.service().CallWithContext(ctx, service+".GetCapabilities", 0).Store(&all)
	d.can = make(map[string]bool)
	for _, c := range all {
		d.can[c] = true
	}
	return err
}

func (d *desktop) service() dbus.BusObject { return d.conn.Object(service, object) }

// tell returns what gives the goroutine of serve an alert to show, and waits until it is.
func (d *desktop) tell(ctx context.Context) func(Alert) error {
	return func(a Alert) error {
		done := make(chan error, 1)
		select {
		case d.asks <- func() { done <- d.do(ctx, a) }:
			return <-done
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// do shows an alert, or closes what is shown. It doesn't end with ctx, so that everything is known that
// is shown.
func (d *desktop) do(ctx context.Context, a Alert) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	id, there := d.shown[a.key()]
	if a.Close {
		if !there {
			return nil
		}
		d.forget(id)
		_ = d.service().CallWithContext(ctx, service+".CloseNotification", 0, id).Err // gone already, as may be
		return nil
	}
	hints := map[string]dbus.Variant{
		"desktop-entry": dbus.MakeVariant("earshot"),
		"category":      dbus.MakeVariant("im.received"),
		"urgency":       dbus.MakeVariant(byte(1)),
	}
	if a.Silent {
		hints["suppress-sound"] = dbus.MakeVariant(true)
	}
	var now uint32
	err := d.service().CallWithContext(ctx, service+".Notify", 0, "earshot", id, "", a.title(), d.body(&a), d.actions(&a), hints, int32(-1)).Store(&now)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if there {
		d.forget(id)
	}
	if len(d.about) < maxShown {
		d.shown[a.key()], d.about[now] = now, a.About
	}
	return nil
}

// key is what has one notification.
func (a About) key() About { return About{Conversation: a.Conversation, Strangers: a.Strangers} }

func (d *desktop) forget(id uint32) {
	a := d.about[id]
	delete(d.about, id)
	if d.shown[a.key()] == id {
		delete(d.shown, a.key())
	}
}

// body is the text as the service takes it.
func (d *desktop) body(a *Alert) string {
	text := a.lines()
	if d.can["body-markup"] {
		return html.EscapeString(text)
	}
	return text
}

// actions are the buttons of a notification, each a name and what stands on it.
func (d *desktop) actions(a *Alert) []string {
	actions := []string{}
	if !d.can["actions"] {
		return actions
	}
	if d.cfg.Open != nil {
		actions = append(actions, actionOpen, "Open")
	}
	if a.Who != "" {
		actions = append(actions, actionRead, "Mark as read")
		if d.can[actionReply] {
			actions = append(actions, actionReply, "Reply")
		}
	}
	return actions
}

// heard takes in a signal of the service.
func (d *desktop) heard(ctx context.Context, s *dbus.Signal) {
	if len(s.Body) < 2 {
		return
	}
	id, ok := s.Body[0].(uint32)
	a, ours := d.about[id]
	if !ok || !ours {
		return
	}
	text, _ := s.Body[1].(string)
	var err error
	switch s.Name {
	case service + ".NotificationClosed":
		d.forget(id)
		d.cfg.Dismissed(a)
	case service + ".NotificationReplied":
		if a.Who != "" && text != "" {
			err = d.cfg.Reply(ctx, a, text)
		}
	case service + ".ActionInvoked":
		switch {
		case text == actionOpen && d.cfg.Open != nil:
			err = d.cfg.Open()
		case text == actionRead && a.Who != "":
			err = d.cfg.Read(ctx, a)
		}
	}
	if err != nil {
		d.cfg.Log.Warn("do what was asked for by a notification", "err", err)
	}
}
