package naming

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrPath: no honest sender has such a path, or two such paths. The error says why. Refuse all that
// came with it.
var ErrPath = errors.New("path refused")

func refuse(path, why string) error {
	const shown = 64 // characters of a path in an error
	return fmt.Errorf("%w: %.*q: %s", ErrPath, shown, path, why)
}

// Check returns ErrPath for a path that leads out of its folder, or may do so on some system: it has to
// be valid UTF-8 of at most MaxPath bytes, with one to MaxDepth parts between slashes, none of them
// empty, . or .., and without a backslash or NUL. That of an empty folder ends with a slash.
func Check(path string) error {
	parts := strings.TrimSuffix(path, "/")
	switch {
	case len(path) > MaxPath:
		return refuse(path, fmt.Sprintf("longer than %d bytes", MaxPath))
	case strings.IndexByte(path, 0) >= 0:
		return refuse(path, "has a NUL in it")
	case strings.IndexByte(path, '\\') >= 0:
		return refuse(path, "has a backslash in it")
	case !utf8.ValidString(path):
		return refuse(path, "not valid UTF-8")
	case strings.HasPrefix(path, "/"):
		return refuse(path, "absolute")
	case strings.Count(parts, "/") >= MaxDepth:
		return refuse(path, fmt.Sprintf("deeper than %d", MaxDepth))
	}
	for more := true; more; {
		var part string
		switch part, parts, more = strings.Cut(parts, "/"); part {
		case "":
			return refuse(path, "has an empty part")
		case ".", "..":
			return refuse(path, "has a part that is "+part)
		}
	}
	return nil
}
