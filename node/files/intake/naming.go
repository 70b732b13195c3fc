package intake

import (
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store/event"
)

// attachable is a name as an attachment has it: one that a file of this system can have.
func attachable(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(filepath.Base(name), "_"), "\x00", "_")
	if name == "." || name == ".." || name == "/" || name == `\` {
		name = "file"
	}
	if len(name) <= event.MaxFileName {
		return name
	}
	extension := filepath.Ext(name)
	if len(extension) > 16 {
		extension = ""
	}
	cut := event.MaxFileName - len(extension)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + extension
}

// mediaType says what a file seems to be, by its name, else by how it begins.
func mediaType(name string, src io.ReaderAt) string {
	if t := mime.TypeByExtension(filepath.Ext(name)); t != "" {
		return t
	}
	var head [512]byte
	n, _ := src.ReadAt(head[:], 0)
	return http.DetectContentType(head[:n])
}
