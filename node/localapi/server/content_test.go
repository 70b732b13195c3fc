package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/event"
)

// plain asks the server in dir by plain HTTP.
func plain(t *testing.T, dir string) func(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return func(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://earshot"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
			if headers[i] == "Host" {
				r.Host = headers[i+1]
			}
		}
		w, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		b, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w, string(b)
	}
}

func TestGetContent(t *testing.T) {
	fake := &fakeFiles{holds: []byte("0123456789"), now: files.Attachment{N: 2, Name: "ünder \"q\"%.png", Type: "image/png"}}
	dir := privateDir(t)
	serve(t, dir, fake.rooms())
	ask := plain(t, dir)
	path := localapi.FilePath + "/" + view.EventID(event.ID{0xab}) + "/2"
	w, body := ask("GET", path, nil)
	if w.StatusCode != 200 || body != "0123456789" {
		t.Errorf("%d %q", w.StatusCode, body)
	}
	for name, want := range map[string]string{
		"Content-Type":            "image/png",
		"Content-Disposition":     `attachment; filename="_nder _q__.png"; filename*=UTF-8''%C3%BCnder%20%22q%22%25.png`,
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control":           "no-store",
		"Accept-Ranges":           "bytes",
		"Content-Length":          "10",
	} {
		if got := w.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w, body := ask("GET", path, nil, "Range", "bytes=3-5"); w.StatusCode != 206 || body != "345" || w.Header.Get("Content-Range") != "bytes 3-5/10" {
		t.Errorf("%d %q %v", w.StatusCode, body, w.Header)
	}
	if w, _ := ask("GET", path, nil, "Range", "bytes=20-"); w.StatusCode != 416 {
		t.Errorf("beyond its end: %d", w.StatusCode)
	}
	if w, body := ask("HEAD", path, nil); w.StatusCode != 200 || body != "" || w.ContentLength != 10 {
		t.Errorf("HEAD: %d", w.StatusCode)
	}
	if got := strings.Join(fake.done, " "); got != strings.TrimSpace(strings.Repeat("open ab 2 close ", 4)) {
		t.Errorf("%s", got)
	}
	for _, path := range []string{"/file/abc/1", "/file/" + view.EventID(event.ID{}) + "/0", "/file/" + view.EventID(event.ID{}) + "/33", "/file/" + view.EventID(event.ID{}) + "/x"} {
		if w, body := ask("GET", path, nil); w.StatusCode < 400 || !strings.Contains(body, `"code"`) {
			t.Errorf("%s: %d %s", path, w.StatusCode, body)
		}
	}
	for _, stranger := range [][]string{{"Host", "localhost"}, {"Origin", "null"}} {
		for _, method := range []string{"GET", "PUT"} {
			if w, _ := ask(method, path, nil, stranger...); w.StatusCode != http.StatusForbidden {
				t.Errorf("%s %v: %d", method, stranger, w.StatusCode)
			}
		}
	}
}

// Only what does nothing but show or sound is given with its type.
func TestOnlyInertTypes(t *testing.T) {
	for claimed, want := range map[string]string{
		"image/jpeg": "image/jpeg", "image/webp": "image/webp", "image/gif": "image/gif", "IMAGE/PNG": "image/png", "audio/ogg; codecs=opus": "audio/ogg",
		"": "", "text/html": "", "image/svg+xml": "", "application/pdf": "", "image/png\r\nX: y": "", "image/png,text/html": "", "text/html; x=image/png": "",
	} {
		if want == "" {
			want = "application/octet-stream"
		}
		if got := inertType(claimed); got != want {
			t.Errorf("%q: %s, want %s", claimed, got, want)
		}
	}
}

// Whatever an attachment is called, the header is well formed, and what is saved by it stays in its folder.
func FuzzNameOfContent(f *testing.F) {
	for _, name := range []string{"a.txt", "ä.txt", "../../etc/passwd", `..\x`, "..", "a\r\nSet-Cookie: x", `"; filename="evil`, "\u202egnp.exe", "a%22b", "\xff", "日本.png", "a'b*c"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value := asAttachment(name)
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" {
			t.Fatalf("%q: %s: %v", name, value, err)
		}
		if got := params["filename"]; got == "" || got == "." || got == ".." || strings.ContainsAny(got, "/\\\r\n\x00") {
			t.Fatalf("%q: %s is saved as %q", name, value, got)
		}
		for _, r := range value {
			if r < ' ' || r > '~' {
				t.Fatalf("%q: %q", name, value)
			}
		}
	})
}

// A folder is given as an archive; one that can't be read to its end is not taken for a whole one.
func TestGetFolder(t *testing.T) {
	get := func(holds []byte) (string, error) {
		fake := &fakeFiles{holds: holds, now: files.Attachment{N: 2, Name: "trip", Folder: true}}
		client, _ := serve(t, privateDir(t), fake.rooms())
		content, _, err := client.Content(t.Context(), view.EventID(event.ID{0xab}), 2)
		if err != nil {
			return "", err
		}
		defer content.Close()
		b, err := io.ReadAll(content)
		return string(b), err
	}
	if got, err := get([]byte("archive")); got != "archive" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := get([]byte("torn")); err == nil {
		t.Errorf("%q is taken for the whole", got)
	}
	if got, err := get(nil); code(err) != localapi.CodeChanged {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPutContent(t *testing.T) {
	fake := new(fakeFiles)
	dir := privateDir(t)
	client, _ := serve(t, dir, fake.rooms())
	big := bytes.Repeat([]byte("0123456789"), localapi.MaxRequest/5) // more than a request of the schema may have
	added, err := client.Upload(t.Context(), localapi.Upload{Name: "ä &.png", Type: "image/png", Picture: true, Anyway: true, Content: bytes.NewReader(big), Size: int64(len(big))})
	if err != nil || added.File != "f1" || added.Attachment.Size != uint64(len(big)) || added.Skipped[0] != "link\ufffd" {
		t.Errorf("%v, %v", added, err)
	}
	in := fake.adding
	if in.Name != "ä &.png" || in.Type != "image/png" || !in.Picture || !in.Anyway || in.Voice || in.Path != "" || in.Size != int64(len(big)) || !bytes.Equal(fake.content, big) {
		t.Errorf("%+v", in)
	}
	if _, err := client.Upload(t.Context(), localapi.Upload{Name: "a", Content: strings.NewReader("x"), Size: -1}); err != nil || fake.adding.Size != -1 || string(fake.content) != "x" {
		t.Errorf("of unknown size: %+v, %v", fake.adding, err)
	}
	if _, err := client.Upload(t.Context(), localapi.Upload{Name: "a", Folder: true, Content: strings.NewReader("x"), Size: -1}); err != nil || !fake.adding.Folder {
		t.Errorf("a folder: %+v, %v", fake.adding, err)
	}
	fake.err = files.ErrArchive
	if _, err := client.Upload(t.Context(), localapi.Upload{Name: "a", Folder: true, Content: strings.NewReader("x"), Size: -1}); code(err) != localapi.CodeInvalid {
		t.Errorf("no folder: %v", err)
	}
	fake.err = fmt.Errorf("it: %w", files.ErrNoRoom)
	if _, err := client.Upload(t.Context(), localapi.Upload{Name: "a", Content: strings.NewReader("x"), Size: 1}); code(err) != localapi.CodeNoRoom {
		t.Errorf("%v", err)
	}
	fake.err = nil
	torn := errors.New("torn")
	if _, err := client.Upload(t.Context(), localapi.Upload{Name: "a", Content: iotest.ErrReader(torn), Size: -1}); !errors.Is(err, torn) {
		t.Errorf("a content that can't be read: %v", err)
	}
	ask := plain(t, dir)
	for _, query := range []string{"", "name=", "name=%ff", "name=" + strings.Repeat("x", localapi.MaxFileName+1), "name=a&type=" + strings.Repeat("x", localapi.MaxFileType+1),
		"name=a&picture&voice", "name=a&picture&folder", "name=a&folder&voice", "name=a&anway", "name=a&voice=maybe", "name=%zz"} {
		if w, body := ask("PUT", localapi.FilePath+"?"+query, strings.NewReader("x")); w.StatusCode != 400 || !strings.Contains(body, "invalid") {
			t.Errorf("%q: %d %s", query, w.StatusCode, body)
		}
	}
	w, body := ask("PUT", localapi.FilePath+"?voice&name="+url.QueryEscape("v.ogg")+"&picture=false", strings.NewReader("x"))
	if w.StatusCode != 200 || !strings.Contains(body, `"file":"f1"`) && !strings.Contains(body, `"file": "f1"`) || !fake.adding.Voice || fake.adding.Picture {
		t.Errorf("%d %s %+v", w.StatusCode, body, fake.adding)
	}
}

func TestContentForPrograms(t *testing.T) {
	fake := &fakeFiles{holds: []byte("0123456789")}
	client, _ := serve(t, privateDir(t), fake.rooms())
	body, size, err := client.Content(t.Context(), view.EventID(event.ID{1}), 1)
	if err != nil || size != 10 {
		t.Fatalf("%d, %v", size, err)
	}
	b, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || string(b) != "0123456789" {
		t.Errorf("%q, %v", b, err)
	}
	fake.err = files.ErrNotHeld
	if _, _, err := client.Content(t.Context(), view.EventID(event.ID{1}), 1); code(err) != localapi.CodeNotHeld {
		t.Errorf("%v", err)
	}
}
