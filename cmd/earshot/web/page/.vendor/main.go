// Command vendored makes the files of ../dist that the page consists of: it minifies the modules and the style of
// ../src, and puts Preact, its hooks, signals and htm with them, whose published modules are in npm with their
// licences. It is a module of its own, so that earshot itself does not depend on esbuild.
//
// It needs no Node and no network but for esbuild's own Go module. Run it in package page by `go generate`;
// the test here makes everything again and compares.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// from and to are where the sources are and where the files of the page go; document is what loads the others.
const (
	from     = "../src"
	to       = "../dist"
	document = "index.html"

	preact = "npm/preact.js" // what modules import as /preact.js
)

// asIs are files of the sources that keep their names.
var asIs = []string{document, "manifest.webmanifest", "icon.svg"}

// modules are where the libraries are that are imported by their names.
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

// build makes all files, by their names, and tells which of the page's modules a module imports, by the name of its
// source or, if it has none, by its own. The names say what is in the files: a browser keeps them for good.
func build() (files map[string][]byte, made map[string]module, err error) {
	files, made = make(map[string][]byte), make(map[string]module)
	for _, name := range asIs {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return nil, nil, err
		}
		files[name] = content
	}
	o := api.Build(api.BuildOptions{
		EntryPoints: []string{from + "/main.js", from + "/style.css"}, Outdir: to, EntryNames: "[name]-[hash]", ChunkNames: "[name]-[hash]",
		Bundle: true, Splitting: true, Metafile: true, Alias: modules, Plugins: []api.Plugin{bundlePreact, dropIndents}, Format: api.FormatESModule, Target: api.ES2022,
		MinifySyntax: true, MinifyWhitespace: true, MinifyIdentifiers: true, LegalComments: api.LegalCommentsNone, Charset: api.CharsetUTF8,
	})
	if len(o.Errors) > 0 {
		return nil, nil, errors.New(api.FormatMessages(o.Errors, api.FormatMessagesOptions{})[0])
	}
	for _, f := range o.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	var meta struct{ Outputs map[string]module }
	if err := json.Unmarshal([]byte(o.Metafile), &meta); err != nil {
		return nil, nil, err
	}
	for path, m := range meta.Outputs {
		m.File = filepath.Base(path)
		made[cmp.Or(filepath.Base(m.EntryPoint), m.File)] = m
	}
	files[document], err = linked(files[document], made)
	return files, made, err
}

// bundlePreact has Preact in the bundle: esbuild leaves out what is imported by an absolute path.
var bundlePreact = api.Plugin{Name: "preact", Setup: func(b api.PluginBuild) {
	b.OnResolve(api.OnResolveOptions{Filter: `^/preact\.js$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
		path, err := filepath.Abs(preact)
		return api.OnResolveResult{Path: path}, err
	})
}}

// dropIndents takes the indents out of templates, which esbuild leaves as they are: htm ignores them. They stand
// nowhere else but before code.
var dropIndents = api.Plugin{Name: "indents", Setup: func(b api.PluginBuild) {
	b.OnLoad(api.OnLoadOptions{Filter: `/src/.*\.js$`}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		content, err := os.ReadFile(a.Path)
		text := indent.ReplaceAllString(string(content), "\n")
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, err
	})
}}

var indent = regexp.MustCompile(`\n\s+`)

// module is a file of the page that esbuild has made.
type module struct {
	File       string `json:"-"` // its name
	EntryPoint string
	Imports    []struct{ Path, Kind string }
}

// first are the names of what a module needs before it can run: what it imports, and what that does.
func first(made map[string]module, m module) (names []string) {
	for _, i := range m.Imports {
		name := filepath.Base(i.Path)
		if i.Kind != "import-statement" || slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		for _, further := range first(made, made[name]) {
			if !slices.Contains(names, further) {
				names = append(names, further)
			}
		}
	}
	return names
}

// linked has the document name the files as they are called, and those too that its module needs: a browser would ask
// for them when it has read that.
func linked(html []byte, made map[string]module) ([]byte, error) {
	text := string(html)
	for _, source := range []string{"style.css", "main.js"} {
		if strings.Count(text, `"/`+source+`"`) != 1 {
			return nil, fmt.Errorf("%s does not name %s once", document, source)
		}
		text = strings.Replace(text, `"/`+source+`"`, `"/`+made[source].File+`"`, 1)
	}
	const script = `<script type="module"`
	for _, name := range first(made, made["main.js"]) {
		text = strings.Replace(text, script, `<link rel="modulepreload" href="/`+name+`">`+"\n"+script, 1)
	}
	return []byte(text), nil
}
