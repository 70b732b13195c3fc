// Package page is the page of earshot in a browser: its files, which package web serves, and nothing else. The
// page speaks with its gateway as ../WEB.md says, and shows what the terminal screen shows.
//
// The sources are in src: modules of JavaScript, one style and one document. What the program has in it is in
// dist, which .vendor makes of them: minified, split into what is needed at once and what is loaded once the list
// of conversations stands, and with Preact, whose licences are in .vendor/npm. `go generate` makes dist again; a
// test in .vendor fails if that is not what is there.
//
// It holds to these rules. What others have written goes into the document as text and never as markup; no
// module uses innerHTML or eval, and the page runs under a policy that allows neither, nor scripts and styles
// within the document, nor anything from elsewhere. room.js is the machine of package room in JavaScript, and
// the vectors of that package test both. All texts are in en.js and de.js, which have the same keys.
//
// Nothing here fails, and Assets may be called from anywhere.
package page

import (
	"embed"
	"io/fs"
)

//go:generate go -C .vendor run .

//go:embed dist
var files embed.FS

// Assets returns the files of the page, with index.html and all that it loads at the root.
func Assets() fs.FS {
	root, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // dist is a valid path
	}
	return root
}
