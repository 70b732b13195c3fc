//go:build unix && !darwin

package desktop

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const hostile = "<a href=\"file:///etc\">click</a> & <img src='x'> \"quoted\"\x1b[31m\u202e"

// Nothing that others wrote is markup, on a desktop that takes some.
func TestEscaped(t *testing.T) {
	address := newBus(t)
	s := newServer(t, address, "body", "body-markup", "actions", "inline-reply")
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: hostile, Text: hostile + "\nline", Count: 3}
	_, got := s.one("shown", func(shown) bool { return true })
	want := shown{app: "earshot",
		title:   `‹a href="file:///etc"›click‹/a› & ‹img src='x'› "quoted"\x1b[31m\u202e (3)`,
		body:    `&lt;a href=&#34;file:///etc&#34;&gt;click&lt;/a&gt; &amp; &lt;img src=&#39;x&#39;&gt; &#34;quoted&#34;\x1b[31m\u202e` + "\nline",
		actions: []string{"default", "Open", "read", "Mark as read", "inline-reply", "Reply"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

// A desktop that can little gets what it can show: text as it is, and no buttons.
func TestDesktopOfFewMeans(t *testing.T) {
	s := newServer(t, newBus(t), "body")
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "1 < 2 & 3"}
	if _, got := s.one("shown", func(shown) bool { return true }); got.body != "1 < 2 & 3" || len(got.actions) > 0 {
		t.Errorf("%+v", got)
	}
}

// There is one for each conversation, in place of the one before, until it is closed.
func TestReplacedAndClosed(t *testing.T) {
	s := newServer(t, newBus(t), "actions")
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "one"}
	first, _ := s.one("one", func(n shown) bool { return n.body == "one" })
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "two", Silent: true}
	second, two := s.one("two", func(n shown) bool { return n.body == "two" })
	if first != second || !two.silent {
		t.Errorf("%d after %d: %+v", second, first, two)
	}
	n.alerts <- Alert{About: About{Strangers: true}, Title: "earshot", Text: "somebody"}
	n.alerts <- Alert{About: About{}, Title: "several"}
	s.until("three", func(all map[uint32]shown) bool { return len(all) == 3 })
	for _, of := range []About{bob, {Strangers: true}, {}, bob} {
		n.alerts <- Alert{About: of, Close: true}
	}
	s.none()
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "three"}
	if id, got := s.one("three", func(n shown) bool { return n.body == "three" }); id == first || slices.Contains(got.actions, "inline-reply") {
		t.Errorf("%d: %+v", id, got)
	}
	if len(n.did) > 0 {
		t.Errorf("the node was asked: %s", <-n.did)
	}
}

// A desktop may show what replaces something as another one.
func TestReplacedByAnother(t *testing.T) {
	s := newServer(t, newBus(t), "actions")
	s.anew = true
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "one"}
	first, _ := s.one("one", func(n shown) bool { return n.body == "one" })
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "two"}
	second, _ := s.one("two", func(n shown) bool { return n.body == "two" })
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "three"} // what was before is known by then
	third, _ := s.one("three", func(n shown) bool { return n.body == "three" })
	if err := s.conn.Emit(object, service+".ActionInvoked", third, "default"); err != nil {
		t.Fatal(err)
	}
	n.does(t, "open")
	if first == second || second == third {
		t.Errorf("%d, %d, %d", first, second, third)
	}
	n.alerts <- Alert{About: bob, Close: true}
	s.none()
	if len(n.did) > 0 {
		t.Errorf("the node was asked: %s", <-n.did)
	}
}

// The owner's clicks are done, those of nobody else.
func TestActions(t *testing.T) {
	address := newBus(t)
	s := newServer(t, address, "actions", "inline-reply")
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "hi"}
	id, _ := s.one("shown", func(shown) bool { return true })

	other, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	unasked := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldInterface: dbus.MakeVariant(service), dbus.FieldMember: dbus.MakeVariant("NotificationReplied"),
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(object)), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(uint32(0), "")),
	}, Body: []any{id, "forged"}}
	for _, name := range namesOn(t, other) { // to each program by itself: no match keeps it out
		unasked.Headers[dbus.FieldDestination] = dbus.MakeVariant(name)
		m := *unasked
		if call := other.Send(&m, nil); call != nil && call.Err != nil {
			t.Fatal(call.Err)
		}
	}
	var first string
	if err := other.BusObject().Call(bus+".GetNameOwner", 0, service).Store(&first); err != nil { // the bus has passed on what was before
		t.Fatal(err)
	}

	emit := func(name string, id uint32, value any) {
		t.Helper()
		if err := s.conn.Emit(object, service+"."+name, id, value); err != nil {
			t.Fatal(err)
		}
	}
	emit("ActionInvoked", id+7, "default")
	emit("ActionInvoked", id, "no such action")
	emit("ActionInvoked", id, "default")
	n.does(t, "open")
	emit("ActionInvoked", id, "read")
	n.does(t, "read b0b")
	emit("NotificationReplied", id, "later")
	n.does(t, "reply b0b: later")
	emit("NotificationClosed", id, uint32(2))
	n.does(t, "dismissed b0b")
	emit("ActionInvoked", id, "default")

	n.alerts <- Alert{About: About{Strangers: true}, Title: "earshot", Text: "somebody"}
	var strangers uint32
	s.until("both", func(all map[uint32]shown) bool {
		for i, one := range all {
			if one.body == "somebody" {
				strangers = i
			}
		}
		return strangers != 0
	})
	emit("ActionInvoked", strangers, "read") // was not offered
	emit("NotificationReplied", strangers, "hello")
	emit("ActionInvoked", strangers, "default")
	n.does(t, "open")
	if len(n.did) > 0 {
		t.Errorf("the node was asked: %s", <-n.did)
	}
}

func namesOn(t *testing.T, conn *dbus.Conn) (unique []string) {
	var all []string
	if err := conn.BusObject().Call(bus+".ListNames", 0).Store(&all); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(n string) bool { return !strings.HasPrefix(n, ":") })
}

// While nobody shows notifications the node is asked for none; a desktop that comes back begins anew.
func TestDesktopComesAndGoes(t *testing.T) {
	address := newBus(t)
	n := newNode(t)
	s := newServer(t, address, "body")
	wait(t, "begun", n.begun)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "one"}
	s.one("shown", func(shown) bool { return true })
	if _, err := s.conn.ReleaseName(service); err != nil {
		t.Fatal(err)
	}
	wait(t, "ended", n.ended)
	select {
	case n.alerts <- Alert{}:
		t.Error("asks for alerts without a desktop")
	default:
	}
	s.mu.Lock()
	clear(s.shown)
	s.mu.Unlock()
	s.own()
	wait(t, "begun again", n.begun)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "two"}
	s.one("shown again", func(n shown) bool { return n.body == "two" })
}

// When the node ends, what it shows is taken away.
func TestNothingIsLeft(t *testing.T) {
	s := newServer(t, newBus(t), "body")
	n := newNode(t)
	n.alerts <- Alert{About: bob, Title: "Bob", Text: "one"}
	s.one("shown", func(shown) bool { return true })
	n.end()
	s.none()
}

// Without a bus, or with one that ends, nothing is shown, and nothing fails.
func TestNoBus(t *testing.T) {
	for name, env := range map[string]string{"none": "", "not there": "unix:path=/nonexistent/bus", "nonsense": "x"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", env)
			t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
			if err := onBus(t.Context(), &Config{Log: slog.New(slog.DiscardHandler)}); err == nil || env == "" && !errors.Is(err, errNoBus) {
				t.Error(err)
			}
			if Available() != (env != "") {
				t.Error(Available())
			}
		})
	}
}

// A command tells what nobody would read where it has no terminal, and its notification stays when it has ended.
func TestTell(t *testing.T) {
	at := newBus(t)
	if err := Tell(t.Context(), "earshot", "text"); err == nil {
		t.Error("told nobody")
	}
	s := newServer(t, at, "body-markup", "actions")
	if err := Tell(t.Context(), "earshot can't be opened", "type <this>:\nearshot open"); err != nil {
		t.Fatal(err)
	}
	_, n := s.one("earshot can't be opened", func(n shown) bool { return n.title == "earshot can't be opened" })
	if n.body != "type &lt;this&gt;:\nearshot open" || len(n.actions) != 0 {
		t.Errorf("%+v", n)
	}
}
