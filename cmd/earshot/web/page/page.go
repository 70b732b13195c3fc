// Package page is the page that a browser shows: its files, as the gateway in the package above serves them
// to whoever asks. They hold nothing of the owner's; what the page shows it asks the node for, as WEB.md of
// that package says.
package page

import (
	"embed"
	"io/fs"
)

//go:embed index.html
var files embed.FS

// Assets returns the files of the page, with index.html at the root.
func Assets() fs.FS { return files }
