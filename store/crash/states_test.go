package crash_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/crash"
)

// TestStates lists completely what a crash at the end of short programs may leave.
func TestStates(t *testing.T) {
	for _, c := range []struct {
		name    string
		program func(d *dir)
		states  string // by commas
	}{
		{"nothing", func(d *dir) {}, "x:XY"},
		{"a file is made", func(d *dir) { d.open("n", os.O_CREATE) }, "x:XY, n: x:XY"},
		{"made and written", func(d *dir) {
			d.write(d.open("n", os.O_CREATE), 0, text("A"))
		}, "x:XY, n: x:XY, n:. x:XY, n:A x:XY"},
		{"the name is not synced", func(d *dir) {
			f := d.open("n", os.O_CREATE)
			d.write(f, 0, text("A"))
			d.check(f.Sync())
		}, "x:XY, n:A x:XY"},
		{"the file is not synced", func(d *dir) {
			d.write(d.open("n", os.O_CREATE), 0, text("A"))
			d.check(d.Sync())
		}, "n: x:XY, n:. x:XY, n:A x:XY"},
		{"both are synced", func(d *dir) {
			f := d.open("n", os.O_CREATE)
			d.write(f, 0, text("A"))
			d.check(f.Sync())
			d.check(d.Sync())
		}, "n:A x:XY"},
		{"one write of two sectors", func(d *dir) {
			d.write(d.open("x", 0), 0, text("AB"))
		}, "x:XY, x:AY, x:XB, x:AB"},
		{"two sectors change places", func(d *dir) {
			b := text("YX")
			d.write(d.open("x", 0), 0, b)
			clear(b) // the recorder has its own
		}, "x:XY, x:YY, x:XX, x:YX"},
		{"two writes of one sector", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.write(f, 0, text("B"))
		}, "x:XY, x:AY, x:BY"},
		{"a sync between two writes", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.check(f.Sync())
			d.write(f, sector, text("B"))
		}, "x:AY, x:AB"},
		{"the same again", func(d *dir) { d.write(d.open("x", 0), 0, text("XY")) }, "x:XY"},
		{"across the border of two sectors", func(d *dir) {
			d.write(d.open("x", 0), 256, text("A"))
		}, "x:XY, x:(XA 512)Y, x:X(AY 512), x:(XA 512)(AY 512)"},
		{"beyond the end", func(d *dir) {
			d.write(d.open("x", 0), 3*sector, []byte("ABC"))
		}, "x:XY, x:XY.(. 3), x:XY.(ABC 3)"},
		{"cut", func(d *dir) { d.check(d.open("x", 0).Truncate(sector + 100)) }, "x:XY, x:X(Y 100)"},
		{"opened to be written anew", func(d *dir) { d.open("x", os.O_TRUNC|os.O_CREATE) }, "x:XY, x:"},
		{"cut and grown", func(d *dir) {
			f := d.open("x", 0)
			d.check(f.Truncate(sector))
			d.check(f.Truncate(3 * sector))
		}, "x:XY, x:X, x:XY., x:X., x:X.."},
		{"cut, synced and grown", func(d *dir) {
			f := d.open("x", 0)
			d.check(f.Truncate(100))
			d.check(f.Sync())
			d.check(f.Truncate(sector))
			d.check(f.Sync())
		}, "x:(X. 512)"},
		{"cut and synced, then grown", func(d *dir) {
			f := d.open("x", 0)
			d.check(f.Truncate(100))
			d.check(f.Sync())
			d.check(f.Truncate(sector))
		}, "x:(X 100), x:(X. 512)"},
		{"cut in its last sector", func(d *dir) {
			f := d.open("x", 0)
			d.check(f.Truncate(sector + 200))
			d.check(f.Sync())
			d.check(f.Truncate(sector + 100))
		}, "x:X(Y 200), x:X(Y 100)"},
		{"replaced", func(d *dir) {
			f := d.open("n", os.O_CREATE)
			d.write(f, 0, text("A"))
			d.check(f.Sync())
			d.check(d.Rename("n", "x"))
		}, "x:XY, n:A x:XY, x:A"},
		{"removed", func(d *dir) { d.check(d.Remove("x")) }, "x:XY, "},
		{"removed and synced", func(d *dir) {
			d.check(d.Remove("x"))
			d.check(d.Sync())
		}, ""},
		{"written, then renamed", func(d *dir) {
			f := d.open("x", 0)
			d.check(d.Rename("x", "y"))
			d.check(d.Sync())
			d.write(f, 0, text("A"))
		}, "y:XY, y:AY"},
		{"a sync fails", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.fails(crash.Nothing, f.Sync)
		}, "x:XY, x:AY"},
		{"a sync fails and is tried again", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.fails(crash.Nothing, f.Sync)
			d.write(f, sector, text("B"))
			d.check(f.Sync())
		}, "x:XB, x:AB"},
		{"a sync fails and all is written again", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.fails(crash.Nothing, f.Sync)
			d.write(f, 0, text("A"))
			d.check(f.Sync())
		}, "x:AY"},
		{"a sync is done and fails", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 0, text("A"))
			d.fails(crash.All, f.Sync)
		}, "x:AY"},
		{"a sync of what has grown fails and is tried again", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 2*sector, text("A"))
			d.fails(crash.Nothing, f.Sync)
			d.check(f.Sync())
		}, "x:XY, x:XY., x:XYA"},
		{"a sync of what has grown fails and all is written again", func(d *dir) {
			f := d.open("x", 0)
			d.write(f, 2*sector, text("A"))
			d.fails(crash.Nothing, f.Sync)
			d.write(f, 2*sector, text("B"))
			d.check(f.Sync())
		}, "x:XY, x:XYB"},
		{"a sync of what was cut fails and is tried again", func(d *dir) {
			f := d.open("x", 0)
			d.check(f.Truncate(sector + 100))
			d.fails(crash.Nothing, f.Sync)
			d.check(f.Sync())
		}, "x:XY, x:X(Y 100)"},
		{"a sync of the names fails and is tried again", func(d *dir) {
			d.check(d.Remove("x"))
			d.fails(crash.Nothing, d.Sync)
			d.check(d.Sync())
		}, "x:XY, "},
		{"a write fails", func(d *dir) {
			f := d.open("x", 0)
			d.fails(crash.Nothing, func() error { _, err := f.WriteAt(text("AB"), 0); return err })
		}, "x:XY"},
		{"a write fails after a half", func(d *dir) {
			f := d.open("x", 0)
			d.fails(crash.Half, func() error { _, err := f.WriteAt(text("AB"), 0); return err })
		}, "x:XY, x:AY"},
		{"the file system fails", func(d *dir) {
			if d.Remove("n") == nil || d.Rename("n", "x") == nil {
				d.Fatal("a file that isn't there was renamed")
			}
			f, err := d.Open("x", os.O_RDONLY)
			d.check(err)
			if _, err := f.WriteAt(text("A"), 0); err == nil {
				d.Fatal("a file was written that is open for reading")
			}
			d.check(f.Close())
			if f.Sync() == nil {
				d.Fatal("a closed file was synced")
			}
		}, "x:XY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, c.program)
			r.Mark("end")
			var have []string
			for s := range r.States(1) {
				if len(s.Marks()) > 0 {
					have = append(have, show(t, s))
				}
			}
			want := strings.Split(c.states, ", ")
			slices.Sort(have)
			slices.Sort(want)
			if !slices.Equal(have, want) {
				t.Errorf("a crash leaves\n%q, should be\n%q", have, want)
			}
		})
	}
}

// TestOrder: what lies before a crash, and that the same state is given again only after a mark.
func TestOrder(t *testing.T) {
	r := record(t, func(d *dir) {
		f := d.open("x", 0)
		d.write(f, 0, text("A"))
		d.check(f.Sync())
		d.Mark(1)
		d.write(f, 0, text("B"))
		d.write(f, 0, text("A"))
		d.check(f.Sync())
		d.check(f.Sync())
		d.Mark(2)
		d.check(d.Remove("x"))
		d.check(d.Sync())
		d.open("n", os.O_CREATE)
	})
	var have []string
	for s := range r.States(1) {
		have = append(have, fmt.Sprintf("%d %v %s", s.After(), s.Marks(), show(t, s)))
		if s.After() == 4 && !strings.Contains(s.String(), "write 512 bytes at 0 of x\n") {
			t.Errorf("%v", s)
		}
	}
	want := []string{"1 [] x:XY", "1 [] x:AY", "4 [1] x:AY", "4 [1] x:BY", "7 [1 2] x:AY", "7 [1 2] ", "9 [1 2] n:"}
	if !slices.Equal(have, want) {
		t.Errorf("%q, should be %q", have, want)
	}
}

// lettered records a program that writes new in the place of old, the last sectors first.
func lettered(t *testing.T, old, new string) *crash.Recorder {
	return record(t, func(d *dir) {
		f := d.open("n", os.O_CREATE)
		d.write(f, 0, text(old))
		d.check(f.Sync())
		d.check(d.Sync())
		d.Mark("made")
		for i := len(new) - 1; i >= 0; i-- {
			d.write(f, int64(i*sector), text(new[i:i+1]))
		}
	})
}

// TestAll: ten sectors are combined in all ways.
func TestAll(t *testing.T) {
	have := make(map[string]bool)
	for s := range lettered(t, "abcdefghij", "ABCDEFGHIJ").States(1) {
		if len(s.Marks()) > 0 {
			have[show(t, s)] = true
		}
	}
	if len(have) != 1024 {
		t.Errorf("%d states", len(have))
	}
}

// TestMany: of more sectors than can be combined, every loss and every order of one is there.
func TestMany(t *testing.T) {
	const old, new = "abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST"
	r := lettered(t, old, new)
	states := func(seed uint64) map[string]bool {
		have := make(map[string]bool)
		for s := range r.States(seed) {
			if len(s.Marks()) == 0 {
				continue
			}
			content, _, _ := strings.Cut(strings.TrimPrefix(show(t, s), "n:"), " ")
			if strings.ToLower(content) != old || have[content] {
				t.Fatalf("wrong or twice: %s", content)
			}
			have[content] = true
		}
		return have
	}
	have := states(1)
	for i := range len(new) {
		for _, want := range []string{old[:i] + new[i:i+1] + old[i+1:], new[:i] + old[i:i+1] + new[i+1:], old[:i] + new[i:], old} {
			if !have[want] {
				t.Errorf("%s isn't there", want)
			}
		}
	}
	if n := len(have); n < 80 || n > 110 {
		t.Errorf("%d states", n)
	}
	if !maps.Equal(have, states(1)) || maps.Equal(have, states(2)) {
		t.Error("the random states don't depend on the seed alone")
	}
}
