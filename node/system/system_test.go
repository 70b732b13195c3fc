package system

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/multicast"
	"github.com/earshot-im/earshot/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback is the interface over which a test may send.
func loopback(t *testing.T) discovery.Link {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 })
	if at < 0 {
		t.Skip("there is no loopback interface")
	}
	return discovery.Link{Name: all[at].Name, Index: all[at].Index, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
}

// quiet is a group to which nobody listens, at a port that is free now.
func quiet(t *testing.T) Group {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return groupAt(uint16(c.LocalAddr().(*net.UDPAddr).Port))
}

func groupAt(port uint16) Group {
	return func(f multicast.Family) multicast.Group {
		at := [...]string{"239.255.255.77", "ff12::1:77"}[f]
		return multicast.Group{Family: f, At: netip.AddrPortFrom(netip.MustParseAddr(at), port), Name: "test", Most: 50}
	}
}

// portOf is the port of a group.
func portOf(g Group) uint16 { return g(multicast.V4).At.Port() }

// TestMulticastIsHeardByASecondSocket: what one socket sends, another hears.
func TestMulticastIsHeardByASecondSocket(t *testing.T) {
	l, at := loopback(t), quiet(t)
	want := checks.Sent{Interface: l.Name, Family: "IPv4", Port: portOf(at), Heard: true}
	if got := (Machine{}).Multicast(t.Context(), []discovery.Link{l}, at); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestMulticastOverAnInterfaceThatIsGone: what the system refuses is told as its error.
func TestMulticastOverAnInterfaceThatIsGone(t *testing.T) {
	gone := discovery.Link{Name: "gone0", Index: 1 << 20, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	got := (Machine{}).Multicast(t.Context(), []discovery.Link{gone}, quiet(t))
	if len(got) != 1 || got[0].Heard || got[0].Listening == nil && got[0].Sending == nil {
		t.Errorf("got %+v", got)
	}
}

// TestPortIsHeld: a UDP port that a program has for itself can't be shared, and a TCP port that one
// listens on can't be had.
func TestPortIsHeld(t *testing.T) {
	at := quiet(t)
	m := Machine{}
	if c := m.Shared(at); c.Held || c.Err != nil {
		t.Errorf("free: %+v", c)
	}
	shared, err := net.ListenUDP("udp4", &net.UDPAddr{IP: at(multicast.V4).At.Addr().AsSlice(), Port: int(portOf(at))})
	if err != nil {
		t.Fatal(err)
	}
	if c := m.Shared(at); c.Held || c.Err != nil {
		t.Errorf("shared: %+v", c)
	}
	shared.Close()
	alone, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(portOf(at))})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if c := m.Shared(at); !c.Held || c.Err == nil || c.Port != portOf(at) {
		t.Errorf("held: %+v", c)
	}

	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	if c := m.Listening(port); !c.Held || c.Err == nil || c.Port != port {
		t.Errorf("taken: %+v", c)
	}
	l.Close()
	if c := m.Listening(port); c.Held || c.Err != nil {
		t.Errorf("free: %+v", c)
	}
}

func TestDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a") // no pattern
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, probeName+"1")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := Machine{Dir: dir}.Disk()
	if s.Read != nil || s.Write != nil || s.No != "" || s.Sync <= 0 || s.Dir != dir {
		t.Errorf("got %+v", s)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if s := (Machine{Dir: filepath.Join(dir, "none")}).Disk(); !errors.Is(s.Read, fs.ErrNotExist) {
		t.Errorf("no directory: %+v", s)
	}
	little := Machine{Dir: dir, Space: func(string) (store.Space, bool) { return store.Space{Total: 1 << 30, Free: 5}, true }}
	if s := little.Disk(); !s.Known || s.Free != 5 || s.Kept != 64<<20 {
		t.Errorf("little room: %+v", s)
	}
}

// TestDirectoryThatCannotBeWritten needs a user whom the system refuses anything.
func TestDirectoryThatCannotBeWritten(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("everything may be written by this user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if s := (Machine{Dir: dir}).Disk(); s.No != checks.ReadOnly || s.Write == nil {
		t.Errorf("got %+v", s)
	}
}
