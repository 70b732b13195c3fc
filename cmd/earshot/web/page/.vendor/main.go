// Command vendored makes the files of ../dist that the page consists of: it minifies the modules and the
// style of ../src, and makes one file of Preact, its hooks, signals and htm, whose published modules are in
// npm with their licences. It is a module of its own, so that earshot itself does not depend on esbuild.
//
// It needs no Node and no network but for esbuild's own Go module. Run it in package page by `go generate`;
// the test here makes everything again and compares.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// from and to are where the sources are and where the files of the page go, and libraries where Preact is.
const (
	from      = "../src"
	to        = "../dist"
	libraries = "npm"
)

// asIs are files of the sources that need no work.
var asIs = []string{"index.html", "manifest.webmanifest", "icon.svg"}

// modules are what the libraries import, and where that is.
var modules = map[string]string{
	"preact":               "./npm/preact/preact.mjs",
	"preact/hooks":         "./npm/preact/hooks/hooks.mjs",
	"@preact/signals":      "./npm/signals/signals.mjs",
	"@preact/signals-core": "./npm/signals-core/signals-core.mjs",
	"htm":                  "./npm/htm/htm.mjs",
}

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "vendored:", err)
		os.Exit(1)
	}
}

// write puts the files in place of those that are there.
func write() error {
	files, _, err := build()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(to, "*"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build makes all files, by their names, and tells by esbuild's metafile which of the page's modules imports which.
func build() (files map[string][]byte, meta string, err error) {
	files = make(map[string][]byte)
	for _, name := range asIs {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return nil, "", err
		}
		files[name] = content
	}
	preact := options(libraries + "/preact.js")
	preact.Alias = modules
	page := options(from + "/main.js")
	page.Splitting, page.ChunkNames, page.External, page.Metafile = true, "[name]-[hash]", []string{"/preact.js"}, true
	for _, o := range []api.BuildOptions{preact, page, options(from + "/style.css")} {
		made := api.Build(o)
		if len(made.Errors) > 0 {
			return nil, "", errors.New(api.FormatMessages(made.Errors, api.FormatMessagesOptions{})[0])
		}
		meta += made.Metafile // only that of the modules
		for _, f := range made.OutputFiles {
			files[filepath.Base(f.Path)] = f.Contents
		}
	}
	return files, meta, nil
}

// options are those of all files.
func options(entries ...string) api.BuildOptions {
	return api.BuildOptions{
		EntryPoints: entries, Bundle: true, Format: api.FormatESModule, Target: api.ES2022, Outdir: to,
		MinifySyntax: true, MinifyWhitespace: true, MinifyIdentifiers: true, LegalComments: api.LegalCommentsNone, Charset: api.CharsetUTF8,
	}
}
