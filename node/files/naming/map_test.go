package naming

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func mapped(t testing.TB, paths []string) []string {
	t.Helper()
	names, err := Map(paths)
	if err != nil {
		t.Fatalf("%q: %v", paths, err)
	}
	out := make([]string, names.Len())
	for i := range out {
		out[i] = names.Path(i)
	}
	return out
}

func TestMap(t *testing.T) {
	for _, c := range []struct{ paths, want []string }{
		{nil, nil},
		{[]string{"a", "b/c", "b/d/e"}, []string{"a", "b/c", "b/d/e"}},
		{[]string{"b/c", "a"}, []string{"b/c", "a"}},
		{[]string{".git/config", ".gitignore"}, []string{".git/config", ".gitignore"}},
		{[]string{"README", "readme", "ReadMe"}, []string{"README", "readme (3)", "ReadMe (2)"}},
		{[]string{"A/x", "a/x", "a/y"}, []string{"A/x", "a (2)/x", "a (2)/y"}}, // folders that would merge
		{[]string{"A/B/x", "A/b/x", "a/b/x"}, []string{"A/B/x", "A/b (2)/x", "a (2)/b/x"}},
		{[]string{"A", "a/x"}, []string{"A", "a (2)/x"}},
		{[]string{"e\u0301.txt", "é.txt"}, []string{"e\u0301.txt", "é (2).txt"}},
		{[]string{"a:b", "a?b", "a_b"}, []string{"a_b (2)", "a_b (3)", "a_b"}}, // the one that needs no change comes first
		{[]string{"a (2)", "A", "a"}, []string{"a (2)", "A", "a (3)"}},
		{[]string{"con/con", "con/nul.txt"}, []string{"_con/_con", "_con/_nul.txt"}},
		{[]string{"a./x", "a_/x"}, []string{"a_ (2)/x", "a_/x"}},
		{[]string{"LONGFI~1.TXT", "longfilename.txt"}, []string{"LONGFI_1.TXT", "longfilename.txt"}},
		{[]string{"❤️", "❤"}, []string{"❤️ (2)", "❤"}},
		{[]string{"x.tar.gz", "X.TAR.GZ"}, []string{"x (2).tar.gz", "X.TAR.GZ"}},
		{[]string{"v1.2/a", "V1.2/a"}, []string{"v1.2 (2)/a", "V1.2/a"}},                       // a folder has no extension
		{[]string{"a/", "b/c/", "b/C/x", "b/c."}, []string{"a/", "b/c (2)/", "b/C/x", "b/c_"}}, // empty folders
		{[]string{"con/", "Con."}, []string{"_con/", "Con_"}},
		{[]string{"a", "a!", "a!b", "a.b"}, []string{"a", "a!", "a!b", "a.b"}},
	} {
		if got := mapped(t, c.paths); !slices.Equal(got, c.want) {
			t.Errorf("%q:\n%q, want\n%q", c.paths, got, c.want)
		}
	}
}

func TestMapRefuses(t *testing.T) {
	for _, paths := range [][]string{
		{"a", "a"},
		{"a", "b", "a"},
		{"a", "a/b"},
		{"a/b", "a!", "a"},
		{"x/a/b/c", "x/a/b"},
		{"a/", "a/"},
		{"a/", "a"},
		{"a/", "a/b"},
		{"x/a/b/c", "x/a/"},
		{"ok", "../evil"},
		make([]string, MaxPaths+1),
	} {
		if _, err := Map(paths); !errors.Is(err, ErrPath) {
			t.Errorf("%.80q: %v", paths, err)
		}
	}
	var deep []string
	for i := range MaxPaths/(MaxDepth-1) + 1 {
		deep = append(deep, fmt.Sprintf("%x/%sa", i, strings.Repeat("a/", MaxDepth-2)))
	}
	if _, err := Map(deep); !errors.Is(err, ErrPath) {
		t.Errorf("more than a million folders: %v", err)
	}
	if _, err := Map(deep[1:]); err != nil {
		t.Error(err)
	}
}

func TestNamesOfFolders(t *testing.T) {
	names, err := Map([]string{"a", "b/c/d", "b/e", "con/f"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range names.Folders() {
		name, in := names.Folder(i)
		if in >= i {
			t.Errorf("folder %d is in %d", i, in)
		}
		got = append(got, names.FolderPath(i)+" "+name)
	}
	slices.Sort(got)
	if want := []string{"_con _con", "b b", "b/c c"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if name, in := names.Entry(1); name != "d" || names.FolderPath(in) != "b/c" {
		t.Errorf("%q in %d", name, in)
	}
	if name, in := names.Entry(0); name != "a" || names.FolderPath(in) != "." {
		t.Errorf("%q in %d", name, in)
	}
}

// pieces are what random names are made of.
var pieces = []string{
	"a", "A", "b", "B", "é", "e\u0301", "É", "ß", "SS", "ſ", "K", "\u212a", "ı", "İ", "i", "Σ", "ς", "1", "0", "¹", " ", "  ", ".", "..", "...", "~", "~1", "_", " (2)", " (3)",
	"con", "COM", "LPT1", "nul", "$", "conin$", ":", "<", "?", "*", "|", "\"", "\x01", "\x1f", "\x7f", "\u0085", "\u202e", "\u2066", "\u200d", "\u200c", "\u200b", "\ufe0f", "\ufeff",
	"❤", "👩", "💻", "\u20e3", "#", "ب", "क", "्", "\u0301", "\u0345", "\u0308\u0301", "\ue000", "\ufffe", "\ufffd", "\u2028", "\u00a0", "\u3000", "\u115f", "\u034f", "\U000e0061", "🏴", "각", "\u1100", "\u1161",
	".txt", ".tar.gz", ".TXT", ".exe", strings.Repeat("x", 120), strings.Repeat("é", 60), strings.Repeat("\u0301", 17), strings.Repeat(" ", 100), "git", ".git",
}

func randomName(rnd *rand.Rand) string {
	var b strings.Builder
	for range 1 + rnd.IntN(4) {
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String()
}

// randomPaths returns paths that Map takes.
func randomPaths(rnd *rand.Rand) []string {
	var paths []string
	files, folders := map[string]bool{}, map[string]bool{}
	parents := []string{""}
	for range rnd.IntN(60) {
		path := parents[rnd.IntN(len(parents))] + randomName(rnd)
		for rnd.IntN(4) == 0 {
			path += "/" + randomName(rnd)
		}
		empty := rnd.IntN(8) == 0
		if Check(path) != nil || files[path] || folders[path] {
			continue
		}
		blocked := false
		var above []string
		for i := range path {
			if path[i] == '/' {
				blocked = blocked || files[path[:i]]
				above = append(above, path[:i])
			}
		}
		if blocked {
			continue
		}
		for _, folder := range above {
			if !folders[folder] {
				folders[folder] = true
				parents = append(parents, folder+"/")
			}
		}
		files[path] = true
		if empty {
			path += "/"
		}
		paths = append(paths, path)
	}
	return paths
}

// checkNames holds what is promised of names: safe, no two alike, the same tree, the same in any order, and
// kept when mapped again.
func checkNames(t testing.TB, paths []string, rnd *rand.Rand) {
	t.Helper()
	out := mapped(t, paths)
	seen := make(map[string]string) // each folder and file, as the simplest comparison has it → as the sender has it
	for i, path := range out {
		from, to := strings.Split(strings.TrimSuffix(paths[i], "/"), "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
		if len(from) != len(to) || strings.HasSuffix(paths[i], "/") != strings.HasSuffix(path, "/") {
			t.Fatalf("%q: %q", paths[i], path)
		}
		for d, part := range to {
			if part == "" || part == "." || part == ".." || len(part) > MaxName || !utf8.ValidString(part) || strings.ContainsAny(part, "\\<>:\"|?*\x00\u202e\u200b") {
				t.Fatalf("%q: part %q", paths[i], part)
			}
			if last := part[len(part)-1]; last == '.' || last == ' ' || device(part) {
				t.Fatalf("%q: part %q", paths[i], part)
			}
			folded := cases.Fold().String(norm.NFC.String(strings.Join(to[:d+1], "/")))
			was := strings.Join(from[:d+1], "/")
			if other, ok := seen[folded]; ok && other != was {
				t.Fatalf("%q and %q are both %q", other, was, folded)
			}
			seen[folded] = was
		}
	}
	if again := mapped(t, out); !slices.Equal(again, out) {
		for i := range out {
			if again[i] != out[i] {
				t.Fatalf("%q: %q, again: %q", paths[i], out[i], again[i])
			}
		}
	}
	perm := rnd.Perm(len(paths))
	shuffled := make([]string, len(paths))
	for i, p := range perm {
		shuffled[i] = paths[p]
	}
	for i, path := range mapped(t, shuffled) {
		if path != out[perm[i]] {
			t.Fatalf("%q: %q in one order, %q in another", shuffled[i], out[perm[i]], path)
		}
	}
}

func TestRandomNames(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	for range rounds {
		paths := randomPaths(rnd)
		checkNames(t, paths, rnd)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for range 20 * rounds {
		name := randomName(rnd) + randomName(rnd)
		own := Own(name)
		if Own(own) != own || clean(own, false) != own || strings.HasPrefix(own, ".") || Check(own) != nil || strings.Contains(own, "/") || len(own) > MaxName {
			t.Fatalf("seed %d: %q: %q, again %q", seed, name, own, Own(own))
		}
		for _, folder := range []bool{false, true} {
			if next := Alternative(own, 2+rnd.IntN(9_999_997), folder); clean(next, true) != next || Key(next) == Key(own) {
				t.Fatalf("seed %d: %q: %q, clean %q", seed, own, next, clean(next, true))
			}
		}
	}
}

// FuzzMap takes lines as paths.
func FuzzMap(f *testing.F) {
	f.Add("a\nA\na (2)")
	f.Add("a/b\nA/b\na:/b\ncon/./x")
	f.Add("é\ne\u0301\n\u202e\nLONGFI~1.TXT\n❤️/1️⃣\n❤/x")
	f.Add("../x\n/etc/passwd\n" + strings.Repeat("x", 256) + ".txt\n" + strings.Repeat("x", 257) + ".txt")
	for _, piece := range pieces {
		f.Add(piece + "\n" + piece + piece)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		var paths []string
		for path := range strings.SplitSeq(lines, "\n") {
			own := Own(path)
			if Own(own) != own || clean(own, false) != own || own[0] == '.' || strings.Contains(own, "/") || Check(own) != nil || len(own) > MaxName {
				t.Fatalf("%q: %q, again %q", path, own, Own(own))
			}
			if Check(path) == nil {
				paths = append(paths, path)
			}
		}
		if _, err := Map(paths); err != nil {
			if !errors.Is(err, ErrPath) {
				t.Fatal(err)
			}
			return
		}
		checkNames(t, paths, rand.New(rand.NewPCG(1, uint64(len(lines)))))
	})
}

// many returns a million paths, or as many as fit an index of 64 MiB, that cost as much as possible.
func many(kind string) []string {
	const indexSize = 64 << 20
	var paths []string
	size := 0
	for i := 0; len(paths) < MaxPaths; i++ {
		var path string
		switch kind {
		case "flat":
			path = fmt.Sprintf("file-%07d.txt", i)
		case "shuffled":
			path = fmt.Sprintf("File-%07d.txt", (i*7919)%MaxPaths)
		case "alike": // all become one name
			path = string([]byte{':', '<', '>', '?'}[i%4]) + strings.Map(func(r rune) rune { return rune(":<>?*|\x01\x02\x03\x04"[r-'0']) }, fmt.Sprintf("%07d", i/4))
		case "cut": // pairs that differ in what an alternative has no room for
			path = strings.Repeat("x", 245) + fmt.Sprintf("%06d", i/2) + string([]byte{'A', 'a'}[i%2])
		case "deep":
			path = strings.Repeat("A/", 31) + fmt.Sprintf("%x", i) + "/" + strings.Repeat("a/", 30) + "a"
		case "folders":
			path = fmt.Sprintf("CON%d./:", i)
		case "unseen":
			path = strings.Repeat("ب\u200c", 200) + fmt.Sprint(i)
		}
		if size += len(path) + 8; size > indexSize {
			break
		}
		paths = append(paths, path)
	}
	return paths
}

func BenchmarkMap(b *testing.B) {
	for _, kind := range []string{"flat", "shuffled", "alike", "cut", "deep", "folders", "unseen"} {
		b.Run(kind, func(b *testing.B) {
			paths := many(kind)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Map(paths); err != nil && kind != "deep" {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(paths)), "paths")
		})
	}
}
