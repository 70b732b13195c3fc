package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// namesOf are the fields of the local API with words that others have chosen, by which they name
// themselves, each other or groups.
var namesOf = []string{"Name", "Petname", "Pinned", "KnownAs", "Was", "Topic", "Emoji", "Near"}

const (
	asData  = "makes an object of --json, where names are data"
	ownName = "has the name of the owner"
	another = "has something else that is called so"
)

// touchNames are the functions that use such a field outside package label, and why they may.
var touchNames = map[string]string{
	"object OfNamed": asData, "object OfGroup": asData, "object OfMessage": asData, "object OfStatus": asData, "object OfNotice": asData, "object ofStranger": asData, "object OfMe": asData, "object OfAttachment": asData, "object OfTransfer": asData,
	"object OfRequest": asData, "object OfTarget": asData, "object OfPeer": asData, "object OfPerson": asData,
	"show Status": ownName, "show Ready": ownName, "show Me": ownName, "show VerifyBack": ownName, "show self": ownName,
	"object Who":             "makes what label takes",
	"phrase Notice":          "has label name a group as it was called then",
	"show Contacts":          "asks whether there is a nickname",
	"phrase Group":           "has label quote a topic, at the end of the row",
	"show Topic":             "prints a topic alone",
	"phrase Reactions":       "counts signs, which sign quotes",
	"phrase Signs":           "counts signs, which sign quotes",
	"problem Print":          "has label list the names, and prints the error's object",
	"problem answered":       "keeps the names for Print",
	"suggest typed":          "has a name to be typed",
	"suggest Requests":       "has a name to be typed",
	"suggest Groups":         "has a name to be typed",
	"suggest Interfaces":     another,
	"suggest Complete":       another,
	"reading feed":           another,
	"reading Run":            another,
	"service replace":        another,
	"desktop serve":          another,
	"desktop heard":          another,
	"web permittedMethods":   "is that of a service of the schema",
	"screen kind":            another,
	"transfer each":          "names a folder of this machine",
	"transfer pack":          "is the field of an archive",
	"transfer tell":          "tells one file from another, and prints none",
	"panes listRow":          another,
	"act init":               ownName,
	"act named":              ownName,
	"act settings":           ownName,
	"panes own":              ownName,
	"object OfConversation":  another,
	"show conversationNotes": another,
	"reading lookOf":         "tells one reaction from another, and prints none",
}

// Names are shown by package label and nowhere else, so that no row forgets to say who is a stranger.
// Whoever wants another function to touch a name adds it to the list, with the reason.
func TestNamesAreShownByLabelAlone(t *testing.T) {
	found := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		dir := filepath.ToSlash(filepath.Dir(path))
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains([]string{".", "command", "running", "talk", "circle", "label", "up"}, dir) {
			return err // the commands themselves print by package show
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || !slices.Contains(namesOf, strings.TrimPrefix(s.Sel.Name, "Get")) {
					return true
				}
				at := dir + " " + f.Name.Name
				if touchNames[at] == "" && !found[at] {
					t.Errorf("%s touches %s: names are shown by package label", at, s.Sel.Name)
				}
				found[at] = true
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := range touchNames {
		if !found[at] {
			t.Errorf("%s touches no name any more", at)
		}
	}
}
