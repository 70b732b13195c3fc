package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// What the system says of files, where it says anything.
func TestIdentityOfFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	of := func(name string) Identity {
		id, err := IdentityOf(file(name))
		must(t, err)
		return id
	}
	must(t, os.WriteFile(file("a"), []byte("x"), 0o600))
	first := of("a")
	if first == nil {
		t.Skip("files have no lasting numbers here")
	}
	must(t, os.WriteFile(file("a"), []byte("longer"), 0o600))
	must(t, os.Rename(file("a"), file("b")))
	if !first.Same(of("b")) {
		t.Error("another file when written to and renamed")
	}
	must(t, os.WriteFile(file("c"), []byte("longer"), 0o600))
	if first.Same(of("c")) {
		t.Error("a copy is the same file")
	}
	same := true
	for tries := 0; same && tries < 100_000; tries++ { // until the clock of the file system has moved
		must(t, os.Remove(file("b")))
		must(t, os.WriteFile(file("b"), []byte("longer"), 0o600)) // may get the number again
		same = first.Same(of("b"))
	}
	if same {
		t.Error("a copy in the place of the file is the same file")
	}
}

// The time at which a file was made may not be known to one of two systems.
func TestIdentityWithoutTime(t *testing.T) {
	id := func(number, made byte) Identity {
		return Identity{7: number, 15: made}
	}
	for _, x := range []struct {
		a, b Identity
		want bool
	}{
		{id(1, 1), id(1, 1), true}, {id(1, 0), id(1, 1), true}, {id(1, 1), id(1, 0), true},
		{id(1, 1), id(1, 2), false}, {id(1, 0), id(2, 0), false}, {nil, id(1, 0), false}, {nil, nil, true},
	} {
		if got := x.a.Same(x.b); got != x.want {
			t.Errorf("%x and %x: %t", x.a, x.b, got)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
