package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	gosync "sync"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
	"github.com/earshot-im/earshot/node/warnings"
)

// warned has a machine note what its owner is told when it next starts.
func (m *machine) warned() func() []string {
	var mu gosync.Mutex
	var codes []string
	m.warn = func(w warnings.Warning) {
		mu.Lock()
		defer mu.Unlock()
		codes = append(codes, w.Code)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(codes)
	}
}

// warnings are the codes that status shows.
func (m *machine) codes() (out []string) {
	m.w.t.Helper()
	s, err := m.Status(m.w.t.Context())
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, w := range s.Warnings {
		out = append(out, w.Code)
	}
	return out
}

// A page in a browser sees the warnings, and learns of no path of this machine.
func TestWarningOfDescriptorsNamesNoPath(t *testing.T) {
	t.Parallel()
	inWorld(t, 71, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		for want, err := range map[string]error{
			syscall.EMFILE.Error(): &net.OpError{Op: "accept", Net: "unix", Addr: &net.UnixAddr{Name: "/home/ann/earshot/sock", Net: "unix"}, Err: os.NewSyscallError("accept4", syscall.EMFILE)},
			"":                     errors.New("/home/ann/earshot/sock"),
		} {
			ann.Starved(err)
			s, err := ann.Status(t.Context())
			if err != nil || len(s.Warnings) != 1 || s.Warnings[0].Code != warnings.Starved || s.Warnings[0].Detail != want {
				t.Errorf("%+v, %v, want %q", s.Warnings, err, want)
			}
		}
	})
}

// Whose directory turns out to be a copy is told so, for a week. The node is off for most of it.
func TestOwnerIsToldOfACopy(t *testing.T) {
	t.Parallel()
	inWorld(t, 65, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		if got := ann.codes(); got != nil {
			t.Fatalf("warned of %q", got)
		}
		for i, want := range [][]string{{warnings.Copied}, nil} { // once where it is found, in status for a week
			ann.stop()
			time.Sleep(3 * 24 * time.Hour)
			ann.file = "copy"
			told := ann.warned()
			ann.start()
			time.Sleep(time.Second)
			if got := told(); !slices.Equal(got, want) {
				t.Errorf("start %d: told %q, want %q", i, got, want)
			}
			if got := ann.codes(); !slices.Equal(got, []string{warnings.Copied}) {
				t.Errorf("start %d: status %q", i, got)
			}
		}
		ann.stop()
		time.Sleep(3*24*time.Hour + 23*time.Hour)
		ann.start()
		if got := ann.codes(); !slices.Equal(got, []string{warnings.Copied}) {
			t.Errorf("after nearly a week: status %q", got)
		}
		time.Sleep(2 * time.Hour)
		if got := ann.codes(); got != nil {
			t.Errorf("after more than a week still %q", got)
		}
	})
}

// Two machines run copies of one directory. Both owners are told: by what the other one has
// written, as soon as it comes round, and by how it is announced.
func TestOwnerIsToldOfATwin(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 66, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		ann.say(bob, "hello")
		bob.got(soon, ann, "hello")
		time.Sleep(time.Minute)
		ann.stop()
		twin := w.machine("Ann")
		twin.dir, twin.file = snapshot(t, ann.dir), "other file"
		annTold, twinTold := ann.warned(), twin.warned()
		ann.start()
		twin.start()
		time.Sleep(10 * time.Minute)
		w.cut(twin.addr(), bob.addr())
		w.cut(bob.addr(), twin.addr())
		ann.announce()
		bob.announce()
		ann.meets(time.Minute, bob)
		ann.say(bob, "by Ann")
		bob.got(soon, ann, "hello", "by Ann")
		ann.stop()
		w.heal(twin.addr(), bob.addr())
		w.heal(bob.addr(), twin.addr())
		twin.announce()
		bob.announce()
		twin.meets(time.Minute, bob)
		time.Sleep(10 * time.Second)
		if got := twinTold(); !slices.Equal(got, []string{warnings.Copied, warnings.Restored, warnings.Twin}) {
			t.Errorf("the copy is told %q", got)
		}
		if got := twin.codes(); !slices.Equal(got, []string{warnings.Restored, warnings.Twin}) {
			t.Errorf("the copy's status: %q", got)
		}
		if got := annTold(); got != nil {
			t.Errorf("who knows nothing yet is told %q", got)
		}
		// Ann is on again, hears where the copy is announced, and learns nothing from Bob, who is
		// off.
		bob.stop()
		ann.start()
		for range 6 {
			ann.sightedSelf(discovery.Sighting{Addrs: []netip.AddrPort{netip.AddrPortFrom(ann.addr(), worldPort)}})
			ann.sightedSelf(discovery.Sighting{Addrs: []netip.AddrPort{netip.AddrPortFrom(twin.addr(), worldPort)}})
			time.Sleep(time.Minute)
		}
		if got := annTold(); !slices.Equal(got, []string{warnings.Twin}) {
			t.Errorf("Ann is told %q", got)
		}
		s, err := ann.Status(t.Context())
		if err != nil || len(s.Warnings) != 1 || s.Warnings[0].Detail != fmt.Sprintf("%s:%d", twin.addr(), worldPort) {
			t.Errorf("status: %+v, %v", s.Warnings, err)
		}
		twin.stop()
		time.Sleep(25 * time.Hour)
		if got := ann.codes(); got != nil {
			t.Errorf("a day later still %q", got)
		}
	})
}

// More devices were heard on the network than are believed, and only the log said so.
func TestOwnerIsToldOfTooManyDevices(t *testing.T) {
	t.Parallel()
	inWorld(t, 69, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		from := w.freshAddr()
		for i := range 600 { // one sender has half of what there is
			ann.sightings.Hear(sightings.Heard{Way: sightings.Beacon4, From: from, Sighting: discovery.Sighting{
				Device: peerID(crypto.DeviceID{byte(i), byte(i >> 8), 1}), Source: discovery.FromBeacon,
				Addrs: []netip.AddrPort{netip.AddrPortFrom(from, 4001)}}}, time.Now())
		}
		if got := ann.codes(); !slices.Equal(got, []string{warnings.Crowded}) {
			t.Errorf("warned of %q", got)
		}
	})
}
