package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// member is one of an archive that a test makes.
type member struct {
	kind          byte
	name, content string
}

func archive(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Typeflag: m.kind, Name: m.name, Size: int64(len(m.content)), Mode: 0o4755, Uid: 7, Uname: "ann", ModTime: longAgo, Format: tar.FormatPAX}
		if m.kind == tar.TypeSymlink || m.kind == tar.TypeLink {
			h.Linkname = "/etc/passwd"
		}
		if _, err := io.WriteString(w, m.content); err == nil && m.content != "" {
			t.Fatal("content before a header")
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(t testing.TB, from io.Reader) (a *Archive, left []string, err error) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	a, skipped, n, err := Unpack(from, f)
	if n != len(skipped) {
		t.Errorf("%d left out, %d told", n, len(skipped))
	}
	for _, s := range skipped {
		left = append(left, s.Path)
	}
	return a, left, err
}

// A folder that comes as an archive is the same stream as one that is read here.
func TestArchiveIsTheFolder(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, spec{"a/b", "hello", false}, spec{"a/c", strings.Repeat("x", 1<<20), true}, spec{"a-", "", false}, spec{"empty/", "", false}, spec{"z", "end", false})
	src, _, _, err := Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	members := []member{{tar.TypeDir, "./", ""}, {tar.TypeDir, "./a/", ""}, {tar.TypeDir, "empty", ""}}
	for _, e := range slices.Backward(src.Entries()) {
		if e.Folder() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Path))
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{tar.TypeReg, "./" + e.Path, "old"}, member{tar.TypeReg, e.Path, string(b)})
	}
	a, left, err := unpack(t, iotest.OneByteReader(bytes.NewReader(archive(t, members...))))
	if err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	if a.Size()-uint64(len(a.Index())) != src.Size()-uint64(len(src.Index())) {
		t.Errorf("%d bytes, not %d", a.Size(), src.Size())
	}
	for i, e := range src.Entries() {
		if got := a.Entries()[i]; got.Path != e.Path || got.Size != e.Size {
			t.Errorf("%+v, not %+v", got, e)
		}
	}
	got, err := io.ReadAll(io.NewSectionReader(a, 0, int64(a.Size())))
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(io.NewSectionReader(src, 0, int64(src.Size())))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[len(a.Index()):], want[len(src.Index()):]) || !bytes.HasPrefix(got, a.Index()) {
		t.Error("the contents differ")
	}
	if n, err := a.ReadAt(make([]byte, 9), int64(a.Size())-3); n != 3 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// Whatever an archive has in it, nothing but files below the folder is taken.
func TestArchiveOfABadOne(t *testing.T) {
	a, left, err := unpack(t, bytes.NewReader(archive(t, member{tar.TypeReg, "ok", "1"}, member{tar.TypeSymlink, "link", ""}, member{tar.TypeLink, "hard", ""},
		member{tar.TypeFifo, "pipe", ""}, member{tar.TypeChar, "null", ""}, member{tar.TypeReg, "../up", "2"}, member{tar.TypeReg, "/abs", "3"}, member{tar.TypeReg, "a/../b", "4"},
		member{tar.TypeReg, `a\b`, "5"}, member{tar.TypeDir, "..", ""}, member{tar.TypeReg, ".earshot-x.part/y", "6"}, member{tar.TypeReg, strings.Repeat("d/", naming.MaxDepth) + "e", "7"})))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"link", "hard", "pipe", "null", "../up", "/abs", "a/../b", `a\b`, "../", ".earshot-x.part/y", strings.Repeat("d/", naming.MaxDepth) + "e"}
	if !slices.Equal(left, want) {
		t.Errorf("left out %q, want %q", left, want)
	}
	if e := a.Entries(); len(e) != 1 || e[0].Path != "ok" || e[0].Size != 1 || !e[0].Executable || e[0].Modified != uint64(longAgo.UnixMilli()) {
		t.Errorf("%+v", e)
	}
	if a, _, err := unpack(t, strings.NewReader("")); err != nil || len(a.Entries()) != 0 {
		t.Errorf("an empty archive: %v", err)
	}
	whole := archive(t, member{tar.TypeReg, "a", strings.Repeat("x", 5000)})
	for name, test := range map[string]struct {
		from io.Reader
		want error
	}{
		"no archive":         {strings.NewReader(strings.Repeat("no archive ", 100)), ErrArchive},
		"cut":                {bytes.NewReader(whole[:3000]), io.ErrUnexpectedEOF},
		"a file is a folder": {bytes.NewReader(archive(t, member{tar.TypeReg, "a", ""}, member{tar.TypeReg, "a/b", ""})), ErrArchive},
		"torn":               {io.MultiReader(bytes.NewReader(whole[:3000]), iotest.ErrReader(fs.ErrClosed)), fs.ErrClosed},
	} {
		if _, _, err := unpack(t, test.from); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is packed has the names of this disk, and can be unpacked.
func TestPack(t *testing.T) {
	a, _, err := unpack(t, bytes.NewReader(archive(t, member{tar.TypeReg, ".profile", "hello"}, member{tar.TypeReg, "x/con", "2"}, member{tar.TypeReg, "x/CON", "three"}, member{tar.TypeDir, "x/y/", ""})))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Pack(&b, "../evil\n", a.Stream, io.NewSectionReader(a, int64(len(a.Index())), int64(a.Size()))); err != nil {
		t.Fatal(err)
	}
	names, err := a.Names()
	if err != nil {
		t.Fatal(err)
	}
	own := naming.Own("../evil\n") + "/"
	in, at := tar.NewReader(&b), -1
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		want, size := own, uint64(0)
		if at >= 0 {
			want, size = own+names.Path(at), a.Entries()[at].Size
		}
		if h.Name != want || uint64(len(content)) != size || h.Mode&^0o755 != 0 {
			t.Errorf("%+v with %q, want %q", h, content, want)
		}
		at++
	}
	if at != len(a.Entries()) || strings.Contains(own[:len(own)-1], "/") {
		t.Errorf("%d of %d in %q", at, len(a.Entries()), own)
	}
	bad := Folder(nil, []blob.Entry{{Path: "../x"}})
	if err := Pack(&b, "x", bad, &b); !errors.Is(err, naming.ErrPath) || b.Len() > 0 {
		t.Errorf("%v", err)
	}
}
