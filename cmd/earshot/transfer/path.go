package transfer

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Path is a path as its owner types it where no shell reads it: in quotes or not, with ~ for their home, and
// dropped on a terminal as the address of a file.
func Path(typed string) string {
	p := strings.TrimSpace(typed)
	if last := len(p) - 1; last > 0 && p[0] == p[last] && (p[0] == '"' || p[0] == '\'') {
		p = p[1:last]
	}
	if address, is := strings.CutPrefix(p, "file://"); is {
		p = address
		if plain, err := url.PathUnescape(address); err == nil {
			p = plain
		}
	}
	if home, err := os.UserHomeDir(); err == nil && (p == "~" || strings.HasPrefix(p, "~/")) {
		p = filepath.Join(home, strings.TrimPrefix(p, "~"))
	}
	if whole, err := filepath.Abs(p); err == nil {
		return whole
	}
	return p
}
