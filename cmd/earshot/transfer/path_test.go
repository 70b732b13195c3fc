package transfer

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPath(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		" /a/b c.jpg ":           "/a/b c.jpg",
		`"/a/b c.jpg"`:           "/a/b c.jpg",
		`'/a/b "c"'`:             `/a/b "c"`,
		"/a/the kids'":           "/a/the kids'", // a quote that is the name's
		`'`:                      "'",
		"~":                      home,
		"~/b":                    filepath.Join(home, "b"),
		"~b":                     "~b",
		"file:///a/b%20c%25.jpg": "/a/b c%.jpg", // as a file manager drops it
		"'file:///a/b%20c.jpg'":  "/a/b c.jpg",
		"file:///a/100%":         "/a/100%",
		"/a/b%20c.jpg":           "/a/b%20c.jpg",
	} {
		if want, err = filepath.Abs(want); err != nil {
			t.Fatal(err)
		}
		if got := Path(typed); got != want {
			t.Errorf("%s: %q", typed, got)
		}
	}
}
