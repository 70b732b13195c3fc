package layout

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
)

func TestStretch(t *testing.T) {
	s := Stretch{First: 10, Slot: Slot{3, 100}, Count: 5}
	back, err := ParseStretch(U64(s.First), s.Bytes())
	check(t, err)
	equal(t, "stretch", back, s)
	for n, want := range map[uint64]uint64{9: 0, 10: 100, 14: 104, 15: 0} {
		if p, ok := s.At(n); ok != (want > 0) || ok && p != (Slot{3, want}) {
			t.Errorf("at %d: %v, %v", n, p, ok)
		}
	}
	for _, c := range []struct {
		n    uint64
		p    Slot
		goes bool
	}{{15, Slot{3, 105}, true}, {16, Slot{3, 105}, false}, {15, Slot{3, 106}, false}, {15, Slot{4, 105}, false}} {
		if s.Goes(c.n, c.p) != c.goes {
			t.Errorf("%d in %v goes on: %v", c.n, c.p, !c.goes)
		}
	}
	if (&Stretch{}).Goes(0, Slot{}) {
		t.Error("what begins nowhere goes on")
	}
	if full := (Stretch{Count: math.MaxUint32}); full.Goes(full.End(), Slot{0, math.MaxUint32}) {
		t.Error("a full one goes on")
	}
	equal(t, "the beginning", s.Part(0, 12), Stretch{10, Slot{3, 100}, 2})
	equal(t, "the end", s.Part(12, 99), Stretch{12, Slot{3, 102}, 3})
	equal(t, "nothing", s.Part(15, 99), Stretch{})
	equal(t, "nothing before", s.Part(0, 10), Stretch{})
	for _, bad := range []struct{ key, value []byte }{
		{U32(1), s.Bytes()}, {U64(1), s.Bytes()[1:]}, {U64(1), append(s.Bytes(), 0)}, {U64(1), nil},
		{U64(1), (&Stretch{Slot: Slot{1, 1}}).Bytes()},
		{U64(math.MaxUint64), s.Bytes()},
		{U64(1), (&Stretch{Slot: Slot{1, math.MaxUint64}, Count: 1}).Bytes()},
	} {
		if _, err := ParseStretch(bad.key, bad.value); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%x %x: %v", bad.key, bad.value, err)
		}
	}
}

func TestUnreadMap(t *testing.T) {
	m, err := ParseUnreadMap(nil)
	check(t, err)
	if m != (UnreadMap{}) || m.Next(0) != UnreadNumbers {
		t.Error("something is unread in nothing")
	}
	numbers := []uint64{1024, 1025, 1031, 1032, 1300, 1535}
	for _, n := range numbers {
		m.Set(n, true)
	}
	m.Set(1301, true)
	m.Set(1301, false)
	m, err = ParseUnreadMap(m[:])
	check(t, err)
	var got []uint64
	for at := m.Next(0); at < UnreadNumbers; at = m.Next(at + 1) {
		got = append(got, 1024+uint64(at))
	}
	if !slices.Equal(got, numbers) {
		t.Errorf("got %d, want %d", got, numbers)
	}
	for _, n := range []uint64{1024, 1535} {
		if !m.Has(n) || UnreadPart(n) != 1024 {
			t.Errorf("%d is not in the part from %d", n, UnreadPart(n))
		}
	}
	if m.Has(1026) || m.Has(1301) || UnreadPart(1023) == 1024 || UnreadPart(1536) == 1024 {
		t.Error("something else is in it")
	}
	for _, size := range []int{1, UnreadNumbers/8 - 1, UnreadNumbers/8 + 1} {
		if _, err := ParseUnreadMap(make([]byte, size)); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
