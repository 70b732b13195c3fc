// Package naming says which paths of a folder from somebody else are refused, and under which names
// the rest is saved, so that no name does anything but name a file, on Windows, macOS and Linux alike.
//
// What only an attack has is refused, with everything that came with it: see Check, and Map for what
// two paths can be to each other. What an honest sender's system allows and another does not, or what
// shows another name than it is, is renamed where the reader sees it: _ stands for a character that
// can't stay (see clean), and " (2)" tells apart what some file system takes for the same name.
//
//   - Map names all entries of a folder. No two have the same name, compared as Key does; a name
//     depends on the paths alone, not on their order or the system; and what is mapped stays as it is.
//   - Own names what was sent by itself: a file, or a folder as a whole. It never begins with a dot,
//     so it hides nothing in the folder of saved files, configures nothing there and is never the name
//     of something unfinished. Inside a folder, names that begin with a dot stay as they are.
//   - Alternative gives the next names if one is taken.
//
// What a name says is not judged: another extension than the content has, letters that look like
// others, many spaces. Programs show names by their own rules.
//
// The package is pure, relies on no check that was made before, and may be used from anywhere. Work is
// linear in the length of the paths but for one sort; Names takes a multiple of their number, and never
// a copy of a path. Names change with Unicode and with these rules, so whoever resumes after an update
// has to expect other ones.
package naming

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store/blob"
)

const (
	// MaxPaths is the most entries that a folder may have, and the most folders.
	MaxPaths = blob.MaxEntries

	// MaxPath is the most bytes that a path may have.
	MaxPath = blob.MaxPath

	// MaxDepth is the most parts that a path may have.
	MaxDepth = blob.MaxDepth

	// MaxName is the most bytes of one name on the disk. Linux and macOS count bytes, Windows counts
	// UTF-16 units, of which a string never has more than bytes.
	MaxName = 255
)

// unnamed is what something is called that was sent without a name.
const unnamed = "unnamed"

// Own returns the name for a file or a folder that was sent by itself, whatever its sender called it.
func Own(name string) string {
	name = strings.ToValidUTF8(name, "_")
	if name == "" {
		return unnamed
	}
	return clean(name, true)
}

// Alternative returns what a name is called if the n-1 before it are taken: name (2).txt from n = 2
// on. A folder has no extension.
func Alternative(name string, n int, folder bool) string {
	stem, ext := room(name, folder)
	return numbered(stem, n, ext)
}

// numberRoom is for the number of an alternative. It is kept free whatever the number is, so that all
// names that become one by being shortened count their alternatives together.
const numberRoom = len(" (9999999)")

// room divides a name into what stands before a number and what follows it, with room for the number.
func room(name string, folder bool) (stem, ext string) {
	stem = name
	if !folder {
		stem, ext = split(name)
	}
	return cut(stem, MaxName-numberRoom-len(ext)), ext
}

func numbered(stem string, n int, ext string) string {
	return stem + " (" + strconv.Itoa(n) + ")" + ext
}

// maxExt is how long an extension may be, with the dot. What is longer is no extension.
const maxExt = 16

// split divides a name into what is called and its extension, of which .tar.gz is one.
func split(name string) (stem, ext string) {
	const tar = ".tar"
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name)-i > maxExt || strings.ContainsFunc(name[i:], unicode.IsSpace) {
		return name, ""
	}
	if j := i - len(tar); j > 0 && strings.EqualFold(name[j:i], tar) {
		i = j
	}
	return name[:i], name[i:]
}

// cut shortens a name to at most so many bytes. Nothing is torn from what it is drawn onto, unless
// nothing would be left.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	next, _ := utf8.DecodeRuneInString(s[most:])
	s = s[:most]
	for drawn := unicode.IsMark(next) || unseen(next); s != ""; {
		last, size := utf8.DecodeLastRuneInString(s)
		if !drawn && !unseen(last) {
			break
		}
		drawn = drawn && (unicode.IsMark(last) || unseen(last)) // ends with what the marks are on
		s = s[:len(s)-size]
	}
	return s
}
