package command

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// TestIdentityIsNeverMadeWhereOneStands: without HOME the directory was ./.local/share/earshot.
func TestIdentityIsNeverMadeWhereOneStands(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the directory does not depend on the home there")
	}
	t.Setenv("XDG_DATA_HOME", "")
	for _, unset := range []string{"", ".", "ann"} {
		t.Setenv("HOME", unset)
		if dir := Home(); dir != "" && !filepath.IsAbs(dir) {
			t.Errorf("HOME=%s: home is %q", unset, dir)
		}
	}
	if dir, ok := defaultDir(""); ok {
		t.Errorf("without a home: %q", dir)
	}
	t.Setenv("EARSHOT_DIR", "")
	var asked *problem.Problem
	if err := (&App{}).locate(""); !errors.As(err, &asked) || asked.Code != problem.CodeHome || !strings.Contains(asked.Hint, "--dir") {
		t.Errorf("without a home: %v", err)
	}
	t.Setenv("XDG_DATA_HOME", "share")
	if dir, ok := defaultDir(""); ok {
		t.Errorf("with a relative XDG_DATA_HOME: %q", dir)
	}
	t.Setenv("HOME", "/home/ann")
	if dir, ok := defaultDir(Home()); !ok || !filepath.IsAbs(dir) {
		t.Errorf("with a home: %q", dir)
	}
}
