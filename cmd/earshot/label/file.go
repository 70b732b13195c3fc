package label

import (
	"path"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// AFile is a file or folder that somebody has sent.
type AFile interface {
	GetName() string
	GetFolder() bool
}

// maxEnding is how many columns of the ending of a file are never cut: it says what opens the file.
const maxEnding = 8

// File names a file, as its sender does. A name in which something could be taken for what stands around it
// stands in quotation marks. A folder has a slash behind it.
func File(f AFile) string { return FileWithin(Whole, f) }

// FileWithin is File in at most so many columns: the name is cut before its ending.
func FileWithin(most int, f AFile) string {
	name, slash := f.GetName(), ""
	if f.GetFolder() {
		slash = "/"
	}
	line, quote := terminal.Line(name), ""
	if line != name || strings.ContainsAny(name, `"\[],;:…`) || strings.Join(strings.Fields(name), " ") != name {
		line, quote = terminal.Line(escape.Replace(name)), `"`
	}
	ending := path.Ext(line)
	if terminal.Width(ending) > maxEnding || f.GetFolder() {
		ending = ""
	}
	stem := strings.TrimSuffix(line, ending)
	around := terminal.Width(ending + slash + quote + quote)
	return quote + terminal.Cut(stem, max(most-around, 1)) + ending + quote + slash
}
