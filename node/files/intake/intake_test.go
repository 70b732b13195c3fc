package intake

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
)

func TestAttachable(t *testing.T) {
	long := strings.Repeat("é", 200)
	for name, want := range map[string]string{
		"cake.jpg": "cake.jpg", "/home/ann/cake.jpg": "cake.jpg", "": "file", "/": "file", "a\xffb": "a_b",
		long + ".jpg": strings.Repeat("é", 125) + ".jpg", "a." + strings.Repeat("x", 300): "a." + strings.Repeat("x", 253),
	} {
		got := attachable(name)
		if got != want || len(got) > event.MaxFileName || !utf8.ValidString(got) {
			t.Errorf("%q: %q of %d bytes", name, got, len(got))
		}
	}
}

// What was taken in is known for an hour, and of too much the oldest goes.
func TestTaken(t *testing.T) {
	b := taken{by: make(map[string]*takenIn)}
	now := time.Now()
	first := b.put(event.Attachment{Name: "first"}, now)
	second := b.put(event.Attachment{Name: "second"}, now.Add(time.Second))
	for range maxTaken - 2 {
		b.put(event.Attachment{}, now.Add(time.Minute))
	}
	if b.by[first] == nil || len(b.by) != maxTaken {
		t.Fatalf("%d are known", len(b.by))
	}
	b.put(event.Attachment{}, now.Add(time.Minute))
	if b.by[first] != nil || b.by[second] == nil || len(b.by) != maxTaken {
		t.Errorf("of too much another one went")
	}
	b.put(event.Attachment{}, now.Add(takenFor+2*time.Second))
	if b.by[second] != nil {
		t.Error("after an hour it is still known")
	}
}

// What is read of a content that anybody may make as long as they like ends with the room there is, also where
// it is copied in a way that spares a buffer.
func TestSpoolIsBounded(t *testing.T) {
	for _, test := range []struct {
		room, size uint64
		want       error
	}{{9, 0, nil}, {8, 0, store.ErrFull}, {1 << 60, blob.MaxSize - 8, ErrTooLarge}} {
		f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
		if err != nil {
			t.Fatal(err)
		}
		ledger := space.New(func(string) (store.Space, bool) {
			info, err := f.Stat()
			return store.Space{Free: 1<<30 + test.room - uint64(info.Size()), Disk: 1}, err == nil
		})
		s := &spool{f: f, room: func(n uint64) (*space.Promise, error) { return ledger.Take("", n) }, size: test.size}
		_, err = io.Copy(s, io.MultiReader(strings.NewReader("1234567"), strings.NewReader("89")))
		if info, failed := f.Stat(); !errors.Is(err, test.want) || failed != nil || (info.Size() == 9) != (test.want == nil) {
			t.Errorf("%+v: %v, %d bytes, %v", test, err, info.Size(), failed)
		}
		f.Close()
	}
}
