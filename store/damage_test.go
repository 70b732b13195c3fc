package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// Whatever happened to the file, there is no panic: it is refused with a clear error and left as it
// is, or the data is whole.
func TestDamagedFiles(t *testing.T) {
	long(t)
	a, b, c := pair(t)
	fillWithSecrets(t, a, b, c)
	for i := range 200 {
		a.say(c, fmt.Sprint(i))
	}
	a.stop()
	dir := t.TempDir()
	copyDir(t, a.dir, dir)
	whole, err := os.ReadFile(filepath.Join(dir, "store.db"))
	check(t, err)
	whole = whole[:binary.NativeEndian.Uint64(newest(whole)[40:])*4096] // what follows is no page
	write := func(file []byte) {
		t.Helper()
		copyDir(t, dir, a.dir) // the journal too
		check(t, os.WriteFile(filepath.Join(a.dir, "store.db"), file, 0o600))
	}
	try := func(what string, file []byte) {
		t.Helper()
		path := filepath.Join(a.dir, "store.db")
		write(file)
		s, err := Open(Config{Dir: a.dir})
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("%s: %v", what, err)
			}
			after, err := os.ReadFile(path)
			check(t, err)
			if !bytes.Equal(after, file) {
				t.Fatalf("%s: the file was changed", what)
			}
			return
		}
		running, cancel := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- s.Run(running) }()
		s.Rows(c, Page{Limit: 1000})
		s.Arrivals(0, 1000, nil)
		s.Unread(0, 1000, nil)
		s.pendingLines()
		s.book.Persons()
		s.book.Requests()
		s.book.Records(event.KindProfile, nil)
		logs, _ := s.Logs(c)
		for log, segments := range logs {
			for _, g := range segments {
				s.LoadRun(log, g.First, event.MaxRunEvents, event.MaxRunSent)
			}
		}
		s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")})
		cancel()
		<-done
		s.Close() // may tell of damage
	}
	refused := func(what string, file []byte) {
		t.Helper()
		write(file)
		if s, err := Open(Config{Dir: a.dir}); !errors.Is(err, ErrDamaged) {
			if err == nil {
				s.Close()
			}
			t.Fatalf("%s: %v", what, err)
		}
		try(what, file)
	}
	for _, n := range []int{1, 100, 4096, 8192, 8193, 12288, len(whole) / 2} {
		refused(fmt.Sprint("truncated to ", n), whole[:n])
	}
	refused("text", []byte(strings.Repeat("not a database\n", 5000)))
	zeros := make([]byte, len(whole))
	refused("zeros", zeros)
	for page := range 2 {
		flipped := bytes.Clone(whole)
		flipped[page*4096+16] ^= 1
		refused("flipped magic", flipped)
		flipped = bytes.Clone(whole)
		flipped[page*4096+16+48] ^= 1
		refused("another transaction", flipped)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, len(whole))
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	refused("random", random)
	list := int(binary.NativeEndian.Uint64(newest(whole)[32:])) * 4096
	for _, at := range []int{0, 8, 16} {
		file := bytes.Clone(whole)
		file[list+at] ^= 0xFF
		refused(fmt.Sprint("list of free pages ", at), file)
	}
	// Each page in turn overwritten, as a whole and in its elements.
	for at := 2 * 4096; at+4096 <= len(whole); at += 4096 {
		for _, from := range []int{0, 16} {
			file := bytes.Clone(whole)
			copy(file[at+from:at+4096], random)
			try(fmt.Sprint("page ", at/4096), file)
		}
	}
	for i := range 400 {
		file := bytes.Clone(whole)
		for range 1 + rnd.IntN(3) {
			at := rnd.IntN(len(file))
			if i%2 == 0 { // where it hurts: at the beginning of a page
				at = at&^4095 | rnd.IntN(400)
			}
			file[at] ^= 1 << rnd.IntN(8)
		}
		try(fmt.Sprint("flip ", i), file)
	}
}

// newest returns the newer meta of a database whose pages have 4096 bytes.
func newest(file []byte) []byte {
	a, b := file[16:], file[4096+16:]
	if binary.NativeEndian.Uint64(a[48:]) > binary.NativeEndian.Uint64(b[48:]) {
		return a
	}
	return b
}

// Damage that only a transaction can find ends in ErrDamaged, in every method that meets it. From
// then on nothing is written, and the directory can be closed.
func TestDamageMetLater(t *testing.T) {
	long(t)
	a, _, c := pair(t)
	for i := range 500 {
		a.say(c, fmt.Sprint(i))
	}
	a.stop()
	path := filepath.Join(a.dir, "store.db")
	file, err := os.ReadFile(path)
	check(t, err)
	met := 0
	for at := 2 * 4096; at+4096 <= len(file); at += 4096 {
		if file[at+8] != 2 { // leaves
			continue
		}
		for _, harm := range []func([]byte){
			func(page []byte) { page[8] = 0 }, // bbolt panics
			func(page []byte) {
				for i := 16; i+16 < 400; i += 16 {
					page[i+7] = 0x7F
				}
			}, // faults
		} {
			bad := bytes.Clone(file)
			harm(bad[at : at+4096])
			check(t, os.WriteFile(path, bad, 0o600))
			s, err := Open(Config{Dir: a.dir})
			if errors.Is(err, ErrDamaged) {
				continue
			}
			check(t, err)
			running, cancel := context.WithCancel(ctx)
			done := make(chan error)
			go func() { done <- s.Run(running) }()
			if _, err := s.Rows(c, Page{Limit: 1000}); err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
				met++
				if _, err := s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")}); !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
			}
			cancel()
			<-done
			check(t, s.Close())
		}
	}
	if met < 20 {
		t.Fatal("met only", met)
	}
}
