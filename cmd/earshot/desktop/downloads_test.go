//go:build unix

package desktop

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDownloads(t *testing.T) {
	home, bin := t.TempDir(), t.TempDir()
	usual, own := filepath.Join(home, "Downloads"), filepath.Join(home, "Heruntergeladen")
	t.Setenv("PATH", bin)
	says := func(path string) {
		if err := os.WriteFile(filepath.Join(bin, "xdg-user-dir"), []byte("#!/bin/sh\n[ \"$1\" = DOWNLOAD ] && echo '"+path+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	is := func(what, want string) {
		t.Helper()
		if got := Downloads(t.Context(), home); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	is("no folder", "")
	for _, dir := range []string{usual, own} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	is("no program", usual)
	says(own)
	is("another folder", own)
	says(home + "/")
	is("it is not known", usual)
	says("nonsense")
	is("no path", usual)
	says(filepath.Join(home, "nowhere"))
	is("it is not there", "")
	if got := Downloads(t.Context(), ""); got != "" {
		t.Errorf("without a home: %q", got)
	}
}
