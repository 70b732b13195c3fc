package desktop

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The link is on no command line that users read for whom it is of use.
func TestBrowser(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("xdg-open is no program there")
	}
	bin := t.TempDir()
	open := filepath.Join(bin, "xdg-open")
	if err := os.WriteFile(open, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("WAYLAND_DISPLAY", "")
	const address = "http://abcdefghijklmnop.localhost:20000/#abcdefghijklmnopqrstuvwxyz"
	file := filepath.Join(t.TempDir(), "web.html")
	for _, test := range []struct {
		system  string
		display string
		shared  bool
		want    []string
	}{
		{"linux", "", false, nil},
		{"linux", "", true, nil},
		{"linux", ":0", false, []string{open, address}},
		{"linux", ":0", true, []string{open, file}},
		{"darwin", "", false, []string{"/usr/bin/open", file}},
		{"windows", "", false, []string{"rundll32.exe", "url.dll,FileProtocolHandler", file}},
	} {
		t.Setenv("DISPLAY", test.display)
		if err := os.WriteFile(file, []byte("of the time before"), 0o644); err != nil {
			t.Fatal(err)
		}
		words, err := browser(test.system, address, file, test.shared)
		if (err == nil) != (test.want != nil) || !slices.Equal(words, test.want) {
			t.Errorf("%+v: %q, %v", test, words, err)
		}
		if !slices.Contains(words, file) {
			continue
		}
		b, err := os.ReadFile(file)
		info, e := os.Stat(file)
		if err != nil || e != nil || info.Mode().Perm() != 0o600 || !strings.Contains(string(b), `content="0;url=`+address+`"`) {
			t.Errorf("%+v: %v %s", test, info.Mode(), b)
		}
	}
}
