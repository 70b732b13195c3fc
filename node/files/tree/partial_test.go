package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

func TestSaveFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	d := destinationIn(t, dir)
	s := File(blob.Entry{Size: 7})
	p := begin(t, d, "1", s)
	wantListed(t, dir, ".earshot-1.part")
	write(t, p, []byte("content"), 3, rand.New(rand.NewPCG(1, 2)))
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	wantListed(t, dir, ".earshot-1.part")
	saved := finish(t, p, "a.txt", never(t))
	wantListed(t, dir, "a.txt")
	info, err := os.Stat(filepath.Join(dir, "a.txt"))
	if err != nil || info.Mode().Perm() != 0o644 || saved.Name != "a.txt" || saved.Was || saved.Modified != uint64(info.ModTime().UnixMilli()) {
		t.Errorf("%+v, %v, %v", saved, info.Mode(), err)
	}
	src, err := d.Source(saved.Name, File(blob.Entry{Size: 7, Modified: saved.Modified}))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if got := readAll(t, src); string(got) != "content" {
		t.Errorf("%q", got)
	}
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), time.Time{}, longAgo); err != nil {
		t.Fatal(err)
	}
	if err := src.Check(t.Context()); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}

func TestSaveEmptyFile(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	saved := save(t, d, "1", "empty", File(blob.Entry{Modified: 5e9, Executable: true}), nil)
	info, err := os.Stat(filepath.Join(dir, "empty"))
	if err != nil || info.Size() != 0 || saved.Modified != 5e9 || info.ModTime().UnixMilli() != 5e9 || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%+v %v %v", saved, info, err)
	}
}

var sent = []spec{{path: "b", content: "of b"}, {path: "a/x", content: "of a/x", executable: true}, {path: "a/y/z", content: strings.Repeat("long ", 1000)},
	{path: "nothing", content: ""}, {path: "empty/"}, {path: "deep/empty/"}, {path: ".hidden/c", content: "of c"}}

func TestSaveFolder(t *testing.T) {
	from, dir := filepath.Join(t.TempDir(), "sent"), t.TempDir()
	makeTree(t, from, sent...)
	src := scan(t, from)
	d := destinationIn(t, dir)
	s := received(t, src.Stream)
	saved := save(t, d, "1", "sent", s, readAll(t, src))
	wantListed(t, dir, "sent")
	if saved != (Saved{Name: "sent"}) {
		t.Errorf("%+v", saved)
	}
	if got, want := readTree(t, filepath.Join(dir, "sent")), readTree(t, from); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	back, err := d.Source("sent", s)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if err := back.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(readAll(t, back), readAll(t, src)) {
		t.Error("reads otherwise than it was sent")
	}
}

func TestNamesOfSavedFiles(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s, content := streamOf(t, spec{path: "CON/a:b", content: "1"}, spec{path: "README", content: "2"}, spec{path: "nul/"}, spec{path: "readme", content: "3"})
	save(t, d, "1", "x", s, content)
	var got []string
	for _, line := range readTree(t, filepath.Join(dir, "x")) {
		got = append(got, strings.Fields(line)[0])
	}
	if want := []string{`"README"`, `"_CON"`, `"_CON/a_b"`, `"_nul"`, `"readme`}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	back, err := d.Source("x", s)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if !bytes.Equal(readAll(t, back), content) {
		t.Error("reads otherwise than it was sent")
	}
}

// Names that some file system takes for each other, or refuses. This says most where TMPDIR is on such a
// file system.
func TestHostileNamesOnDisk(t *testing.T) {
	d := destinationIn(t, t.TempDir())
	var files []spec
	for i, path := range []string{
		"a", "A/x", "a (2)", "é", "e\u0301", "É", "E\u0301/x", "straße", "STRASSE", "\u017ftrasse", "k", "\u212a", "ı", "I", "i", "İ", "i\u0307", "σ", "ς", "Σ",
		"ᾳ", "α\u0345", "ᾼ", "αι", "\u0391\u0399", "ﬁ", "fi", "Ǆ", "ǅ", "ǆ", "각", "\u1100\u1161\u11a8", "❤", "❤\ufe0f", "علی\u200cرضا", "علیرضا",
		"con", "CON.txt", "con_", "nul/a", "x.", "x", "x ", "X", "a:b", "a*b", "a?b", "a|b", "<", ">", "\"", "\x01", "\n", "\x7f", "\u202e", "\u200b", "\ufeff",
		"longfilename.txt", "LONGFI~1.TXT", ".git/config", ".GIT/config2", ".gi\u200ct/config", "GIT~1/config", "...", "..a", "-rf", "~", "$HOME", "`x`", "%TEMP%",
		strings.Repeat("x", 255), strings.Repeat("X", 255), strings.Repeat("x", 300) + "1", strings.Repeat("x", 300) + "2", strings.Repeat("é", 200), strings.Repeat("👩\u200d💻", 50),
		"z" + strings.Repeat("\u0301", 40), "z" + strings.Repeat("\u0301", 41), "q" + strings.Repeat("\u0308\u0323", 20), "q" + strings.Repeat("\u0323\u0308", 20),
		strings.Repeat("d/", 63) + "x", "empty/", "Empty/", "ΟΔΟΣ/", "οδος/", "\uffff", "\U000e0041",
	} {
		content := fmt.Sprint("content of ", i)
		if strings.HasSuffix(path, "/") {
			content = ""
		}
		files = append(files, spec{path: path, content: content})
	}
	s, content := streamOf(t, files...)
	save(t, d, "1", "x", s, content)
	back, err := d.Source("x", s)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if err := back.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(readAll(t, back), content) {
		t.Error("reads otherwise than it was sent")
	}
}

// streamOf makes the stream of a folder without a disk.
func streamOf(t testing.TB, files ...spec) (*Stream, []byte) {
	t.Helper()
	slices.SortFunc(files, func(a, b spec) int { return blob.ComparePaths(a.path, b.path) })
	var entries []blob.Entry
	var contents []byte
	for _, f := range files {
		entries = append(entries, blob.Entry{Path: f.path, Size: uint64(len(f.content)), Modified: uint64(longAgo.UnixMilli()), Executable: f.executable})
		contents = append(contents, f.content...)
	}
	index, err := blob.MarshalIndex(entries)
	if err != nil {
		t.Fatal(err)
	}
	return Folder(index, entries), append(slices.Clone(index), contents...)
}

func TestRefusedFolders(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	for _, path := range []string{"../x", "/x", "a/../../x", "a\\..\\x", "a\x00", ""} {
		if _, err := d.Begin("1", Folder(nil, []blob.Entry{{Path: path}})); !errors.Is(err, naming.ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
		if _, err := d.Source("x", Folder(nil, []blob.Entry{{Path: path}})); !errors.Is(err, naming.ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
	wantListed(t, dir)
}

func TestIDs(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	for _, id := range []string{"", "../x", "a/b", "a\\b", ".", "ä", strings.Repeat("x", 65)} {
		if _, err := d.Begin(id, File(blob.Entry{})); err == nil {
			t.Errorf("%q", id)
		}
		if err := d.Discard(id); err == nil {
			t.Errorf("%q", id)
		}
	}
	makeTree(t, dir, spec{path: ".earshot-.part"}, spec{path: ".earshot-a b.part"}, spec{path: "x"}, spec{path: ".earshot-1.part"}, spec{path: ".earshot-A_-9.part/x"})
	ids, err := d.Partials()
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, []string{"1", "A_-9"}) {
		t.Errorf("%q, %v", ids, err)
	}
	for _, id := range append(ids, "none") {
		if err := d.Discard(id); err != nil {
			t.Error(err)
		}
	}
	wantListed(t, dir, ".earshot-.part", ".earshot-a b.part", "x")
}

func TestOutsideOfTheStream(t *testing.T) {
	d := destinationIn(t, t.TempDir())
	p := begin(t, d, "1", File(blob.Entry{Size: 10}))
	defer p.Close()
	for _, at := range []int64{-1, 7, 11, 1 << 62} {
		if n, err := p.WriteAt([]byte("four"), at); err == nil || n != 0 {
			t.Errorf("at %d: %d", at, n)
		}
	}
}

func TestIncomplete(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s, content := streamOf(t, spec{path: "a", content: "of a"}, spec{path: "b", content: "of b"})
	p := begin(t, d, "1", s)
	if _, err := p.WriteAt(content[:len(content)-1], 0); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(t.Context(), "x", "", never(t)); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	wantListed(t, dir, ".earshot-1.part")
	p = begin(t, d, "1", s) // goes on
	if _, err := p.WriteAt(content[len(content)-1:], int64(len(content))-1); err != nil {
		t.Fatal(err)
	}
	finish(t, p, "x", never(t))
	wantListed(t, dir, "x")
}

func TestPartsAreReadAndMissed(t *testing.T) {
	const chunk = blob.ChunkSize
	dir := t.TempDir()
	d := destinationIn(t, dir)
	large := make([]byte, 5*chunk/2)
	rand.NewChaCha8([32]byte{1}).Read(large)
	s, content := streamOf(t, spec{path: "a", content: "of a"}, spec{path: "b", content: string(large)}, spec{path: "c", content: "of c"}, spec{path: "d", content: "of d"}, spec{path: "e/"})
	p := begin(t, d, "1", s)
	var written [3]bool
	put := func(i int) {
		t.Helper()
		if _, err := p.WriteAt(content[i*chunk:min(len(content), (i+1)*chunk)], int64(i)*chunk); err != nil {
			t.Fatal(err)
		}
		written[i] = true
	}
	want := func(chunks ...int) {
		t.Helper()
		got, err := p.Missing(func(chunk int) bool { return written[chunk] })
		if err != nil || !slices.Equal(got, chunks) {
			t.Errorf("%d %v, want %d", got, err, chunks)
		}
	}
	read := func(i int, want error) {
		t.Helper()
		b := make([]byte, chunk)
		n, err := p.ReadAt(b, int64(i)*chunk)
		if !errors.Is(err, want) || want != ErrIncomplete && !bytes.Equal(b[:n], content[i*chunk:min(len(content), (i+1)*chunk)]) {
			t.Errorf("chunk %d: %v", i, err)
		}
	}
	want()
	read(0, ErrIncomplete)
	put(1)
	want()
	read(1, nil)
	put(0)
	put(2)
	want()
	read(0, nil)
	read(2, io.EOF)
	part := filepath.Join(dir, ".earshot-1.part")
	if err := os.Truncate(filepath.Join(part, "b"), 2*chunk); err != nil { // its chunk 1 ends before that, because of the index
		t.Fatal(err)
	}
	want(2)
	if err := os.Truncate(filepath.Join(part, "b"), chunk); err != nil {
		t.Fatal(err)
	}
	want(1, 2)
	read(1, ErrIncomplete)
	put(1)
	put(2)
	want()
	if err := os.Remove(filepath.Join(part, "a")); err != nil {
		t.Fatal(err)
	}
	want(0)
	p.Close()
	if err := d.Discard("1"); err != nil {
		t.Fatal(err)
	}
	p = begin(t, d, "1", s)
	defer p.Close()
	want(0, 1, 2)
	written[1] = false
	want(0, 2)

	p = begin(t, d, "2", File(blob.Entry{Size: 2 * chunk}))
	defer p.Close()
	written = [3]bool{true, true, true}
	want(0, 1)
}

// Several write parts of the same files, more than stay open, and one makes them durable meanwhile.
func TestManyWriters(t *testing.T) {
	var files []spec
	for i := range 5 * maxOpen {
		files = append(files, spec{path: fmt.Sprintf("%02d", i), content: strings.Repeat(string(rune('a'+i%26)), 100)})
	}
	s, content := streamOf(t, files...)
	dir := t.TempDir()
	d := destinationIn(t, dir)
	p := begin(t, d, "1", s)
	write(t, p, content, 33, rand.New(rand.NewPCG(1, 1)))
	done := make(chan struct{})
	var syncing, writers sync.WaitGroup
	syncing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := p.flush(map[int]struct{}{0: {}, 1: {}, 2: {}, 3: {}}, nil); err != nil {
				t.Error(err)
			}
		}
	})
	for w := range 4 {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for range 20 {
				for _, i := range rnd.Perm((len(content) + 32) / 33) {
					if _, err := p.WriteAt(content[i*33:min(len(content), i*33+33)], int64(i*33)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(done)
	syncing.Wait()
	if len(p.open) > maxOpen || len(p.open) == 0 {
		t.Errorf("%d files are open", len(p.open))
	}
	if err := p.Sync(); err != nil || len(p.written) > 0 || len(p.grown) > 0 {
		t.Errorf("%v, %d files and %d folders are not durable", err, len(p.written), len(p.grown))
	}
	finish(t, p, "x", never(t))
	for i, line := range readTree(t, filepath.Join(dir, "x")) {
		if !strings.HasSuffix(line, fmt.Sprintf("%q", files[i].content)) {
			t.Error(line)
		}
	}
}
