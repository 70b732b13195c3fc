package crash_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/crash"
)

// TestPrograms: a program that forgets one sync is found out, and one that forgets none is not.
func TestPrograms(t *testing.T) {
	numbered := func(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%08d", i)), 2*sector/8) }
	// replace writes numbers as whole files, one in the place of the other.
	replace := func(d *dir, omitted string) {
		for i := range 3 {
			f := d.open("tmp", os.O_CREATE|os.O_TRUNC)
			d.write(f, 0, numbered(i))
			if omitted != "file" {
				d.check(f.Sync())
			}
			d.check(d.Rename("tmp", "n"))
			if omitted != "names" {
				d.check(d.Sync())
			}
			d.Mark(i)
		}
	}
	// overwrite writes numbers into one file, by turns in two places.
	overwrite := func(d *dir, omitted string) {
		f := d.open("n", os.O_CREATE)
		for i := range 3 {
			d.write(f, int64(i%2*2*sector), numbered(i))
			if omitted != "file" {
				d.check(f.Sync())
			}
			if i == 0 && omitted != "names" {
				d.check(d.Sync())
			}
			d.Mark(i)
		}
	}
	for name, program := range map[string]func(*dir, string){"replace": replace, "overwrite": overwrite} {
		for _, omitted := range []string{"nothing", "file", "names"} {
			t.Run(name+" and omit "+omitted, func(t *testing.T) {
				r := record(t, func(d *dir) { program(d, omitted) })
				lost := ""
				for s := range r.States(1) {
					acknowledged := len(s.Marks()) - 1
					path := filepath.Join(t.TempDir(), "state")
					if err := s.Write(path); err != nil {
						t.Fatal(err)
					}
					b, err := os.ReadFile(filepath.Join(path, "n"))
					if err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Fatal(err)
					}
					newest := -1
					for part := range slices.Chunk(b, 2*sector) {
						if i, err := strconv.Atoi(string(part[:min(8, len(part))])); err == nil && bytes.Equal(part, numbered(i)) {
							newest = max(newest, i)
						}
					}
					if newest < acknowledged {
						lost = fmt.Sprintf("%d is lost: %v", acknowledged, s)
						break
					}
				}
				if (lost != "") != (omitted != "nothing") {
					t.Errorf("a program that omits %s: %q", omitted, lost)
				}
			})
		}
	}
}

// TestFaults: every call fails once, in each way, and is told.
func TestFaults(t *testing.T) {
	// program returns after the first error.
	program := func(r *crash.Recorder) error {
		f, err := r.Open("n", os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt(text("AB"), 0)
		for _, call := range []func() error{
			func() error { return f.Truncate(sector) },
			f.Sync,
			func() error { return r.Rename("n", "m") },
			func() error { return r.Remove("x") },
			r.Sync,
		} {
			if err == nil {
				err = call()
			}
		}
		return err
	}
	whole := record(t, func(d *dir) { d.check(program(d.Recorder)) })
	if n := whole.Calls(); n != 7 {
		t.Fatalf("%d calls", n)
	}
	want := map[crash.Fault][]string{
		crash.Nothing: {"x:XY", "n: x:XY", "n:AB x:XY", "n:A x:XY", "n:A x:XY", "m:A x:XY", "m:A"},
		crash.Half:    {"x:XY", "n:A x:XY", "n:AB x:XY", "n:A x:XY", "n:A x:XY", "m:A x:XY", "m:A"},
		crash.All:     {"n: x:XY", "n:AB x:XY", "n:A x:XY", "n:A x:XY", "m:A x:XY", "m:A", "m:A"},
	}
	for how, left := range want {
		for i := range whole.Calls() {
			r := record(t, func(d *dir) {
				d.FailAt(i+1, how, syscall.ENOSPC)
				if err := program(d.Recorder); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("call %d returned %v", i+1, err)
				}
				if now := showDir(t, d.path); now != left[i] {
					t.Errorf("fault %d of call %d leaves %q, should be %q", how, i+1, now, left[i])
				}
			})
			if r.Calls() != i+1 {
				t.Errorf("%d calls, should be %d", r.Calls(), i+1)
			}
			recorded := false
			for s := range r.States(1) {
				recorded = recorded || show(t, s) == left[i]
			}
			if !recorded {
				t.Errorf("fault %d of call %d: %q is not recorded", how, i+1, left[i])
			}
		}
	}
}

// TestBehind: files that were made beside the recorder are refused.
func TestBehind(t *testing.T) {
	record(t, func(d *dir) {
		d.check(os.WriteFile(filepath.Join(d.path, "n"), text("A"), 0o600))
		d.check(os.WriteFile(filepath.Join(d.path, "empty"), nil, 0o600))
		for name, flag := range map[string]int{"n": os.O_CREATE, "empty": 0} {
			if _, err := d.Open(name, os.O_RDWR|flag); err == nil {
				t.Errorf("%s was opened", name)
			}
		}
		if d.Rename("n", "m") == nil {
			t.Error("it was renamed")
		}
	})
}
