package naming

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Key returns what two names have in common if some file system takes them for one: folded, in NFC, and
// without what can't be seen. It is at least as coarse as Unicode's folding of what is in NFC, and as
// the simple capitals of NTFS and FAT. Keys are for comparing, within one version of the program.
func Key(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return strings.ToLower(name)
	}
	fold := cases.Fold()
	name = fold.String(norm.NFC.String(name))
	name = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, norm.NFD.String(name))
	return norm.NFC.String(fold.String(name))
}
