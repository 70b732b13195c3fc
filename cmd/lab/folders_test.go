//go:build lab && linux

package lab

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// evil is in the name of everything that must be nowhere: see cmd/hostile.
const evil = "evil"

// timedOut is the exit status where a --timeout has passed.
const timedOut = 5

// harmless is what becomes of names that are changed, in order.
var harmless = []string{"_.._evil", "_._", "_.earshot-0.part", "_.profile", "_con", "_fdp.exe", "_nul.txt", "_tmp_evil", "a_b", "dot_", "folder", "folder/.profile", "folder/A.txt", "folder/_CON", "folder/_fdp.exe", "folder/_nul.txt", "folder/a (2).txt", "folder/a_b", "folder/dot_", "folder/é", "folder/space_", "folder/é (2)", "line_break", "space_"}

// savesFolders has Bob save everything that a contact has sent whose names lead elsewhere.
func savesFolders(s *siege) (miss []string) {
	sent := func() (files []object) {
		out, _, _ := s.bob.exec("", "files", "Friend 0")
		files, _ = parse(out)
		return files
	}
	if !poll(fetched, func() bool { return len(sent()) > 0 }) {
		return []string{"nothing was offered"}
	}
	messages := make(map[string]bool)
	for _, f := range sent() {
		messages[f.text("id")] = true
	}
	for id := range messages {
		if _, stderr, code := s.bob.exec("", "get", id, "--timeout", "1s"); code != 0 && code != timedOut && !strings.Contains(stderr, "has paths that no folder may have") { // it goes on
			miss = append(miss, fmt.Sprintf("get: exit %d: %s", code, stderr))
		}
	}
	var open []string
	if !poll(fetched, func() bool {
		open = nil
		for _, f := range sent() {
			refuse, isRefused := strings.HasPrefix(f.text("file"), "refused"), f.text("reason") == "refused"
			if refuse != isRefused || !refuse && len(f.list("saved")) != 1 {
				open = append(open, fmt.Sprintf("%q is %s %s %v", f.text("file"), f.text("state"), f.text("reason"), f.list("saved")))
			}
		}
		return len(open) == 0
	}) {
		miss = append(miss, open...)
	}
	var saved []string
	files := filepath.Join(s.bob.dir, "files")
	err := filepath.WalkDir(filepath.Dir(s.bob.dir), func(path string, d fs.DirEntry, err error) error {
		if in, ok := strings.CutPrefix(path, files+"/"); ok {
			saved = append(saved, in)
		} else if strings.Contains(path, evil) {
			miss = append(miss, fmt.Sprintf("%q was written", path))
		}
		return err
	})
	if err != nil {
		miss = append(miss, err.Error())
	}
	if there, _ := filepath.Glob("/tmp/" + evil + "*"); len(there) > 0 {
		miss = append(miss, fmt.Sprintf("%q was written", there))
	}
	if slices.Sort(saved); !slices.Equal(saved, harmless) {
		miss = append(miss, fmt.Sprintf("there is %q", saved))
	}
	return miss
}
