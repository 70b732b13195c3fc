package node

import (
	"archive/tar"
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// file writes a file with anything in it.
func (w *world) file(name string, size int) (path string, content []byte) {
	w.t.Helper()
	content = make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = random.Read(content)
	path = filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path, content
}

// hands sends a file or folder to somebody.
func (m *machine) hands(to *machine, in files.Adding) chat.Message {
	m.w.t.Helper()
	return m.handsTo(to.who.person.String(), in)
}

// handsTo sends a file or folder to a person or group.
func (m *machine) handsTo(whom string, in files.Adding) chat.Message {
	m.w.t.Helper()
	ctx := m.w.t.Context()
	added, err := m.Files().Add(ctx, in, func(uint64, uint64) error { return nil })
	if err != nil {
		m.w.t.Fatal(err)
	}
	attached, err := m.Files().Sendable(ctx, []string{added.File})
	if err != nil {
		m.w.t.Fatal(err)
	}
	sent, err := m.Messages().Send(ctx, chat.Outgoing{To: whom, Attachments: attached})
	if err != nil {
		m.w.t.Fatal(err)
	}
	return sent
}

// attached returns what has become of the only attachment of a message.
func (m *machine) attached(id event.ID) files.Attachment {
	all, err := m.Files().Attachments(id, 0)
	if err != nil || len(all) != 1 {
		return files.Attachment{State: "none"}
	}
	return all[0]
}

// holds waits until an attachment is in a state.
func (m *machine) holds(d time.Duration, id event.ID, state string) {
	m.w.t.Helper()
	m.w.within(d, m.name+": "+state, func() bool { return m.attached(id).State == state })
}

// saves has a machine save an attachment, and waits until it is saved.
func (m *machine) saves(d time.Duration, id event.ID, want []byte) {
	m.w.t.Helper()
	if _, err := m.Files().Save(m.w.t.Context(), id, 1, ""); err != nil {
		m.w.t.Fatal(err)
	}
	m.hasSaved(d, id, want)
}

// hasSaved waits until an attachment is saved, and looks whether it is what was sent.
func (m *machine) hasSaved(d time.Duration, id event.ID, want []byte) {
	m.w.t.Helper()
	m.w.within(d, m.name+" has saved it", func() bool { return len(m.attached(id).Saved) == 1 })
	got, err := os.ReadFile(m.attached(id).Saved[0])
	if err != nil || !bytes.Equal(got, want) {
		m.w.t.Errorf("%s saved %d bytes of %d, %v", m.name, len(got), len(want), err)
	}
}

// fetches sets whether a machine fetches without asking.
func (m *machine) fetches(auto string) {
	m.w.t.Helper()
	if err := m.owner.SetFiling(m.w.t.Context(), people.FilingChange{Auto: &auto}); err != nil {
		m.w.t.Fatal(err)
	}
}

// What a contact sends is fetched without asking, if the owner wants that. When everybody has it, the copy at
// the sender's goes.
func TestFileIsFetched(t *testing.T) {
	t.Parallel()
	inWorld(t, 601, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		bob.trusts(ann)
		bob.fetches(people.FetchOn)
		path, content := w.file("cake.jpg", 3<<20+7)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateHeld)
		ann.reaches(10*time.Second, sent, chat.StateHeld)
		ann.holds(10*time.Second, sent.ID, files.StateGone)
		bob.saves(10*time.Second, sent.ID, content)
		answer, err := bob.Messages().Send(t.Context(), chat.Outgoing{To: ann.who.person.String(), Text: "thanks", ReplyTo: &sent.ID})
		if err != nil {
			t.Fatal(err)
		}
		got, err := bob.Messages().Get(t.Context(), []event.ID{answer.ID}, false)
		if err != nil || len(got) != 1 || got[0].Quote == nil || got[0].Quote.Files != 1 || got[0].Quote.File.Name != "cake.jpg" {
			t.Errorf("an answer to a file has %+v, %v", got, err)
		}
	})
}

// A folder that comes as an archive is sent as one that is here, and given as an archive where it has come.
func TestFileOfAnArchive(t *testing.T) {
	t.Parallel()
	inWorld(t, 618, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		var archive bytes.Buffer
		out := tar.NewWriter(&archive)
		content := bytes.Repeat([]byte("hello "), 300_000)
		for name, b := range map[string][]byte{"a/b": content, "c": []byte("c"), "../d": []byte("d")} {
			if err := out.WriteHeader(&tar.Header{Name: name, Size: int64(len(b)), Mode: 0o600}); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		sent := ann.hands(bob, files.Adding{Name: "trip", Folder: true, Content: &archive, Size: -1})
		ann.holds(10*time.Second, sent.ID, files.StateKept)
		if a := ann.attached(sent.ID); !a.Folder || a.Name != "trip" {
			t.Errorf("%+v", a)
		}
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); err != nil {
			t.Fatal(err)
		}
		w.within(10*time.Second, "Bob has saved it", func() bool { return len(bob.attached(sent.ID).Saved) == 1 })
		root := bob.attached(sent.ID).Saved[0]
		if got, err := os.ReadFile(filepath.Join(root, "a", "b")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("saved %d bytes, %v", len(got), err)
		}
		_, held, err := bob.Files().Open(t.Context(), sent.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		var packed bytes.Buffer
		if err := held.Pack(&packed); err != nil {
			t.Fatal(err)
		}
		var got []string
		for in := tar.NewReader(&packed); ; {
			h, err := in.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(h.Name, " ", h.Size))
		}
		if want := []string{"trip/ 0", "trip/a/b 1800000", "trip/c 1"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// Whoever gives archives slowly, however many, takes no more memory than that of a few.
func TestFilesOfManyArchives(t *testing.T) {
	t.Parallel()
	inWorld(t, 619, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		var slow []*io.PipeWriter
		ended := make(chan error)
		for range 4 {
			from, to := io.Pipe()
			slow = append(slow, to)
			go func() {
				_, err := ann.Files().Add(t.Context(), files.Adding{Name: "slow", Folder: true, Content: from}, func(uint64, uint64) error { return nil })
				ended <- err
			}()
		}
		add := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			_, err := ann.Files().Add(ctx, files.Adding{Name: "empty", Folder: true, Content: bytes.NewReader(nil)}, func(uint64, uint64) error { return nil })
			return err
		}
		time.Sleep(time.Second)
		if err := add(time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beside four that are slow: %v", err)
		}
		for _, to := range slow {
			to.CloseWithError(io.ErrUnexpectedEOF)
			if err := <-ended; !errors.Is(err, files.ErrChanged) {
				t.Errorf("one that is cut: %v", err)
			}
		}
		if err := add(time.Second); err != nil {
			t.Errorf("when they have ended: %v", err)
		}
	})
}

// What a stranger sends waits until the owner saves it.
func TestFileIsSaved(t *testing.T) {
	t.Parallel()
	inWorld(t, 602, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		bob.fetches(people.FetchOn)
		path, content := w.file("cake.jpg", 3<<20+7)
		sent := ann.hands(bob, files.Adding{Path: path, InPlace: true})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		time.Sleep(time.Minute)
		if a := bob.attached(sent.ID); a.State != files.StateOffered || a.Reason != files.ReasonByHand {
			t.Errorf("what a stranger sent is %s, %s", a.State, a.Reason)
		}
		var last atomic.Pointer[files.Transfer] // that Ann was told, at whose node nothing else moves
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- ann.Files().Transfers(ctx, nil, func(all []files.Transfer) error {
				for _, one := range all {
					last.Store(&one)
				}
				return nil
			})
		}()
		time.Sleep(time.Minute)
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); err != nil {
			t.Fatal(err)
		}
		w.within(10*time.Second, "Ann is told that Bob fetches it", func() bool {
			one := last.Load()
			return one != nil && one.To != nil && one.To.ID == bob.who.person && one.Rate > 0 && one.Attachment.State == files.StateFetching
		})
		bob.saves(10*time.Second, sent.ID, content)
		w.within(20*time.Second, "Ann is told that Bob has it", func() bool {
			one := last.Load()
			return one.To != nil && one.Rate == 0 && one.Attachment.State == files.StateHeld && one.Attachment.Had == uint64(len(content))
		})
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A node that is killed while it fetches goes on where it was, sealed and in a folder of the owner's, and so
// does one whose sender was killed.
func TestFetchGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	whileSomeHasCome(t, 603, func(t *testing.T, w *world, ann, bob *machine, sent event.ID, content []byte) {
		bob.kill()
		bob.start(ann.address())
		had := bob.attached(sent).Had
		if had == 0 || had >= uint64(len(content)) {
			t.Fatalf("after the kill %d of %d bytes are here", had, len(content))
		}
		bob.meets(10*time.Second, ann)
		w.within(time.Minute, "more has come", func() bool { return bob.attached(sent).Had > had })
		ann.kill()
		ann.start()
		bob.meets(time.Minute, ann)
		bob.hasSaved(time.Minute, sent, content)
	})
}

// whileSomeHasCome runs a test where Bob fetches what Ann has sent, and has some of it: a file that is sealed
// first, and one that is written to its folder at once.
func whileSomeHasCome(t *testing.T, seed uint64, test func(t *testing.T, w *world, ann, bob *machine, sent event.ID, content []byte)) {
	for name, size := range map[string]int{"sealed": 20 << 20, "direct": 40 << 20} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, seed, func(t *testing.T, w *world) {
				ms := w.people("Ann", "Bob")
				w.acquaint(ms...)
				ann, bob := ms[0], ms[1]
				w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
				path, content := w.file("film.mp4", size)
				sent := ann.hands(bob, files.Adding{Path: path})
				bob.holds(10*time.Second, sent.ID, files.StateOffered)
				if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); err != nil {
					t.Fatal(err)
				}
				w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 4<<20 })
				test(t, w, ann, bob, sent.ID, content)
			})
		})
	}
}

// In a group a member gets it from another one, when the author is gone.
func TestMembersGiveFiles(t *testing.T) {
	t.Parallel()
	inWorld(t, 604, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		group := ann.makes("lunch", bob, cleo).String()
		for _, m := range []*machine{bob, cleo} {
			m.fetches(people.FetchOff)
		}
		path, content := w.file("menu.pdf", 5<<20)
		sent := ann.handsTo(group, files.Adding{Path: path})
		for _, m := range []*machine{bob, cleo} {
			m.holds(10*time.Second, sent.ID, files.StateOffered)
		}
		bob.saves(10*time.Second, sent.ID, content)
		ann.stop()
		cleo.saves(time.Minute, sent.ID, content)
	})
}

// The owner declines, pauses, cancels and drops; the sender hears of what is final.
func TestOwnerDecidesAboutFiles(t *testing.T) {
	t.Parallel()
	inWorld(t, 605, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		ctx := t.Context()
		path, content := w.file("film.mp4", 20<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		do := func(f func(id event.ID) error, want, reason string) {
			t.Helper()
			if err := f(sent.ID); err != nil {
				t.Fatal(err)
			}
			if a := bob.attached(sent.ID); a.State != want || a.Reason != reason {
				t.Fatalf("%s %q, want %s %q", a.State, a.Reason, want, reason)
			}
		}
		accept := func(id event.ID) error { _, err := bob.Files().Accept(ctx, id, 0); return err }
		do(func(id event.ID) error { _, err := bob.Files().Decline(ctx, id, 0); return err }, files.StateDeclined, "")
		ann.reaches(10*time.Second, sent, chat.StateHeld)
		ann.holds(10*time.Second, sent.ID, files.StateGone)

		sent = ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		do(accept, files.StateFetching, "")
		w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 1<<20 })
		do(func(id event.ID) error { _, err := bob.Files().Pause(ctx, id, 0); return err }, files.StatePaused, files.ReasonOwner)
		time.Sleep(5 * time.Second)
		had := bob.attached(sent.ID).Had
		time.Sleep(time.Minute)
		if now := bob.attached(sent.ID).Had; now != had || now == uint64(len(content)) {
			t.Errorf("%d bytes came while it was paused, %d before", now, had)
		}
		do(accept, files.StateFetching, "")
		do(func(id event.ID) error { _, err := bob.Files().Cancel(ctx, id, 0); return err }, files.StateOffered, files.ReasonByHand)
		w.within(10*time.Second, "it is put away", func() bool { return bob.attached(sent.ID).Had == 0 })
		do(accept, files.StateFetching, "")
		bob.holds(time.Minute, sent.ID, files.StateHeld)
		do(func(id event.ID) error { _, err := bob.Files().Drop(ctx, id, 0); return err }, files.StateGone, "")
	})
}

// A recall takes the copies with the words, also while they are fetched.
func TestRecallTakesFiles(t *testing.T) {
	t.Parallel()
	inWorld(t, 606, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		path, _ := w.file("film.mp4", 40<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 4<<20 })
		if _, err := ann.Messages().Recall(t.Context(), sent.ID); err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			w.within(10*time.Second, m.name+" keeps nothing", func() bool {
				kept, err := os.ReadDir(filepath.Join(m.dir, "blobs"))
				left, _ := os.ReadDir(filepath.Join(m.dir, "files"))
				return err == nil && len(kept) == 0 && len(left) == 0
			})
		}
	})
}

// An original that is sent in place, and is another one by then, is never given; both sides see that.
func TestOriginalHasChanged(t *testing.T) {
	t.Parallel()
	inWorld(t, 607, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("draft.txt", 2<<20)
		sent := ann.hands(bob, files.Adding{Path: path, InPlace: true})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		content[1<<20] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		bob.holds(time.Minute, sent.ID, files.StateChanged)
		ann.holds(time.Minute, sent.ID, files.StateChanged)
	})
}

// What finds no room on the disk waits with that reason, and goes on by itself.
func TestFileWaitsForRoom(t *testing.T) {
	t.Parallel()
	inWorld(t, 608, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("film.mp4", 20<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		bob.free.Store(1<<30 - 54<<20) // with the 64 MiB of the world 10 MiB more than what stays free
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "it waits", func() bool {
			a := bob.attached(sent.ID)
			return a.State == files.StatePaused && a.Reason == files.ReasonNoRoom
		})
		bob.free.Store(0)
		bob.holds(time.Minute, sent.ID, files.StateHeld)
		bob.saves(10*time.Second, sent.ID, content)
	})
}

// TestPartLeftByAKill: what was killed before it had been written down for the first time was begun anew
// under another name, and its beginning stayed in the owner's folder for ever.
func TestPartLeftByAKill(t *testing.T) {
	t.Parallel()
	inWorld(t, 609, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		path, content := w.file("film.mp4", 40<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(bob.dir, "files") // also after the kill, which gives Bob another directory
		parts := func() []string {
			found, err := filepath.Glob(filepath.Join(folder, ".earshot-*"))
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		w.within(time.Second, "it has begun", func() bool { return len(parts()) == 1 })
		bob.kill()
		bob.start(ann.address())
		bob.hasSaved(time.Minute, sent.ID, content)
		if left := parts(); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	})
}

// TestRoomForWhatHasCome: as what had come took its place on the disk, and all of it was still thought to
// come, a file for which there was room stopped halfway.
func TestRoomForWhatHasCome(t *testing.T) {
	t.Parallel()
	inWorld(t, 610, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		path, _ := w.file("film.mp4", 20<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		const enough = 1<<30 - 64<<20 + 25<<20
		bob.free.Store(enough)
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "half of it has come", func() bool { return bob.attached(sent.ID).Had > 10<<20 })
		bob.free.Store(enough - 10<<20)
		w.within(time.Minute, "all of it has come", func() bool {
			a := bob.attached(sent.ID)
			if a.State == files.StatePaused {
				t.Fatalf("it is paused, %s, with %d bytes", a.Reason, a.Had)
			}
			return a.State == files.StateHeld
		})
	})
}

// TestSaveFolderSentInPlace: saving an own folder that is sent in place ended the node, since nobody has its
// index on the shelf.
func TestSaveFolderSentInPlace(t *testing.T) {
	t.Parallel()
	inWorld(t, 611, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("cake.jpg", 2<<20+5)
		sent := ann.hands(bob, files.Adding{Path: filepath.Dir(path), InPlace: true})
		ann.holds(10*time.Second, sent.ID, files.StateInPlace)
		to := t.TempDir()
		if _, err := ann.Files().Save(t.Context(), sent.ID, 1, to); err != nil {
			t.Fatal(err)
		}
		saved := filepath.Join(to, filepath.Base(filepath.Dir(path)), "cake.jpg")
		w.within(time.Minute, "it is saved", func() bool {
			got, err := os.ReadFile(saved)
			return err == nil && bytes.Equal(got, content)
		})
	})
}

// TestSaveIsForgotten: a node that ended while it saved what it held never saved it.
func TestSaveIsForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, 612, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("cake.jpg", 2<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		bob.holds(10*time.Second, sent.ID, files.StateHeld)
		refs, err := bob.store.Files(sent.ID)
		if err != nil {
			t.Fatal(err)
		}
		a := refs[0].Attachment
		b, err := bob.store.Shelf().Open(shelf.Of{Manifest: a.Manifest, Key: a.Key, Size: a.Size, Kind: blob.File})
		if err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		err = b.Commit(t.Context(), func(i *shelf.Info) { i.Places = append(i.Places, shelf.Place{Path: to}) }) // as Save does first
		b.Close()
		if err != nil {
			t.Fatal(err)
		}
		bob.kill()
		bob.start()
		bob.hasSaved(time.Minute, sent.ID, content)
	})
}

// TestFolderIsNoFolder: what could not be written where the owner wants it was said to be coming, and only the log
// said why it was not.
func TestFolderIsNoFolder(t *testing.T) {
	t.Parallel()
	inWorld(t, 613, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("film.mp4", 33<<20)
		folder := bob.owner.Filing().Dir
		if err := os.WriteFile(folder, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(10*time.Second, "it is told", func() bool { return bob.attached(sent.ID).Reason == files.ReasonNoFolder })
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		bob.holds(2*time.Minute, sent.ID, files.StateHeld)
		if a := bob.attached(sent.ID); a.Reason != "" {
			t.Errorf("%+v of %d bytes", a, len(content))
		}
	})
}

// TestNamedBeforeAKill: what had its name when the node was killed, but was not written down as saved,
// was fetched again from its beginning.
func TestNamedBeforeAKill(t *testing.T) {
	t.Parallel()
	inWorld(t, 611, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		path, content := w.file("film.mp4", 40<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		folder := filepath.Join(bob.dir, "files") // also after the kill, which gives Bob another directory
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 4<<20 })
		ann.kill()
		bob.kill()
		parts, err := filepath.Glob(filepath.Join(folder, ".earshot-*"))
		if err != nil || len(parts) != 1 {
			t.Fatalf("unfinished is %v, %v", parts, err)
		}
		if err := os.Remove(parts[0]); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "film.mp4"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		bob.start()
		bob.hasSaved(time.Minute, sent.ID, content)
		bob.holds(time.Second, sent.ID, files.StateHeld)
		ann.start()
		bob.meets(time.Minute, ann)
		ann.reaches(10*time.Second, sent, chat.StateHeld)
	})
}

// TestPartOfWhatWasPutAway: what was paused, or had changed, and was then cancelled or declined, left what was
// unfinished in the owner's folder.
func TestPartOfWhatWasPutAway(t *testing.T) {
	t.Parallel()
	inWorld(t, 612, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		ctx := t.Context()
		path, content := w.file("film.mp4", 40<<20)
		sent := ann.hands(bob, files.Adding{Path: path, InPlace: true})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		left := func() int {
			there, err := os.ReadDir(filepath.Join(bob.dir, "files"))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return len(there)
		}
		do := func(f func(context.Context, event.ID, int) ([]files.Attachment, error)) {
			t.Helper()
			if _, err := f(ctx, sent.ID, 0); err != nil {
				t.Fatal(err)
			}
		}
		begin := func() {
			t.Helper()
			do(bob.Files().Accept)
			w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 4<<20 })
			if left() != 1 {
				t.Fatalf("%d files are there", left())
			}
		}
		gone := func(what string) {
			t.Helper()
			w.within(10*time.Second, what+" leaves nothing", func() bool { return left() == 0 })
		}
		begin()
		do(bob.Files().Pause)
		time.Sleep(5 * time.Second)
		do(bob.Files().Cancel)
		gone("cancelled")
		begin()
		do(bob.Files().Pause)
		time.Sleep(5 * time.Second)
		do(bob.Files().Decline)
		gone("declined")
		begin()
		content[len(content)-1] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		bob.holds(time.Minute, sent.ID, files.StateChanged)
		do(bob.Files().Cancel)
		gone("changed")
	})
}

// TestSlowUpload: while the content of one file came slowly, no other one could be sent.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	inWorld(t, 614, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		slow, give := io.Pipe()
		done := make(chan error)
		go func() {
			_, err := ann.Files().Add(t.Context(), files.Adding{Content: slow, Name: "slow", Size: -1}, func(uint64, uint64) error { return nil })
			done <- err
		}()
		if _, err := give.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		path, _ := w.file("cake.jpg", 1<<20)
		if _, err := ann.Files().Add(t.Context(), files.Adding{Path: path}, func(uint64, uint64) error { return nil }); err != nil {
			t.Fatal(err)
		}
		_ = give.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestSettledAsItEnded: a copy that everybody had by the time the node was killed stayed for a month.
func TestSettledAsItEnded(t *testing.T) {
	t.Parallel()
	inWorld(t, 615, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, _ := w.file("cake.jpg", 2<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Decline(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		ann.holds(10*time.Second, sent.ID, files.StateGone)
		kept := store.FileSet{Message: sent.ID, FileStatus: store.FileStatus{State: store.FileKept}} // as if it had not come to that
		if err := ann.store.SetFiles(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		ann.kill()
		ann.start()
		ann.holds(10*time.Second, sent.ID, files.StateGone)
	})
}

// TestRoomOnAnotherDisk: what was written to a folder on another disk than the node's filled that to the brim.
func TestRoomOnAnotherDisk(t *testing.T) {
	t.Parallel()
	inWorld(t, 620, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		other := t.TempDir()
		bob.otherDisk.Store(&other)
		if err := bob.owner.SetFiling(t.Context(), people.FilingChange{Dir: &other}); err != nil {
			t.Fatal(err)
		}
		path, content := w.file("film.mp4", 40<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, ""); !errors.Is(err, files.ErrNoRoom) {
			t.Errorf("it is saved: %v", err)
		}
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "it waits for room", func() bool {
			a := bob.attached(sent.ID)
			return a.State == files.StatePaused && a.Reason == files.ReasonNoRoom
		})
		bob.otherDisk.Store(nil)
		bob.hasSaved(5*time.Minute, sent.ID, content)
	})
}

// TestFileStopKeepsWhatHasCome: what had come since the last commit was lost when the node was stopped in good order.
func TestFileStopKeepsWhatHasCome(t *testing.T) {
	t.Parallel()
	whileSomeHasCome(t, 621, func(t *testing.T, w *world, ann, bob *machine, sent event.ID, content []byte) {
		ann.stop()
		had := bob.attached(sent).Had
		bob.stop()
		bob.start()
		if now := bob.attached(sent).Had; now < had {
			t.Errorf("of %d bytes that were here %d are left", had, now)
		}
		ann.start(bob.address())
		bob.hasSaved(time.Minute, sent, content)
	})
}

// TestFileDeclinedAndAccepted: what everybody had declined had no copy any more, and who accepted it later waited
// without end. They are told that it is gone, and it comes when somebody comes who has it.
func TestFileDeclinedAndAccepted(t *testing.T) {
	t.Parallel()
	inWorld(t, 622, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		group := ann.makes("lunch", bob, cleo)
		for _, m := range []*machine{bob, cleo} {
			m.fetches(people.FetchOff)
		}
		ctx := t.Context()
		path, content := w.file("menu.pdf", 2<<20)
		added, err := ann.Files().Add(ctx, files.Adding{Path: path}, func(uint64, uint64) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		attached, err := ann.Files().Sendable(ctx, []string{added.File})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := ann.Messages().Send(ctx, chat.Outgoing{To: group.String(), Attachments: attached})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*machine{bob, cleo} {
			m.holds(10*time.Second, sent.ID, files.StateOffered)
		}
		if _, err := bob.Files().Decline(ctx, sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		cleo.saves(10*time.Second, sent.ID, content)
		ann.holds(10*time.Second, sent.ID, files.StateGone)
		cleo.stop()
		if _, err := bob.Files().Accept(ctx, sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		bob.holds(10*time.Second, sent.ID, files.StateGone)
		if err := bob.Files().Transfers(ctx, &sent.ID, func([]files.Transfer) error { return nil }); err != nil {
			t.Error(err) // which says that it has ended
		}
		time.Sleep(10 * time.Minute)
		if a := bob.attached(sent.ID); a.State != files.StateGone {
			t.Errorf("it is %s, %s", a.State, a.Reason)
		}
		cleo.start(bob.address())
		bob.holds(2*time.Minute, sent.ID, files.StateHeld)
	})
}

// TestSavedIsDeleted: what had been saved and then deleted was taken for held: it could not be fetched again, and
// what was sent a second time was never fetched at all.
func TestSavedIsDeleted(t *testing.T) {
	t.Parallel()
	inWorld(t, 623, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, content := w.file("film.mp4", 33<<20)
		sent := ann.hands(bob, files.Adding{Path: path, InPlace: true})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		bob.saves(time.Minute, sent.ID, content)
		again, err := ann.Messages().Forward(t.Context(), sent.ID, []string{"Bob"})
		if err != nil {
			t.Fatal(err)
		}
		bob.holds(10*time.Second, again[0].ID, files.StateHeld) // by what he has saved
		if err := os.Remove(bob.attached(sent.ID).Saved[0]); err != nil {
			t.Fatal(err)
		}
		if again, err = ann.Messages().Forward(t.Context(), sent.ID, []string{"Bob"}); err != nil {
			t.Fatal(err)
		}
		bob.holds(10*time.Second, again[0].ID, files.StateOffered)
		bob.saves(time.Minute, sent.ID, content)
	})
}

// TestRoomForAllTogether: what was sent while something was fetched took the room that was for that.
func TestRoomForAllTogether(t *testing.T) {
	t.Parallel()
	inWorld(t, 624, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		w.net.Delay(ann.addr(), bob.addr(), 50*time.Millisecond)
		path, _ := w.file("film.mp4", 20<<20)
		own, content := w.file("cake.jpg", 9<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		bob.free.Store(1<<30 - 64<<20 + 25<<20)
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "some of it has come", func() bool { return bob.attached(sent.ID).Had > 1<<20 })
		add := func(in files.Adding) error {
			_, err := bob.Files().Add(t.Context(), in, func(uint64, uint64) error { return nil })
			return err
		}
		bob.free.Store(bob.free.Load() - bob.attached(sent.ID).Had) // the rest leaves 5 MiB of it
		if err := add(files.Adding{Path: own}); !errors.Is(err, files.ErrNoRoom) {
			t.Errorf("a copy is made beside it: %v", err)
		}
		if err := add(files.Adding{Content: bytes.NewReader(content), Name: "cake.jpg", Size: -1}); !errors.Is(err, files.ErrNoRoom) {
			t.Errorf("what comes is taken in beside it: %v", err)
		}
		if err := add(files.Adding{Path: own, InPlace: true}); err != nil {
			t.Error(err)
		}
		bob.holds(time.Minute, sent.ID, files.StateHeld)
	})
}

// TestRoomOfWhatNobodyHas: what nobody had kept the room that was promised for it, and nothing else was fetched.
func TestRoomOfWhatNobodyHas(t *testing.T) {
	t.Parallel()
	inWorld(t, 625, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		bob.fetches(people.FetchOff)
		path, _ := w.file("film.mp4", 20<<20)
		gone := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, gone.ID, files.StateOffered)
		if _, err := ann.Files().Drop(t.Context(), gone.ID, 1); err != nil {
			t.Fatal(err)
		}
		bob.free.Store(1<<30 - 64<<20 + 25<<20)
		accept := func(id event.ID) {
			if _, err := bob.Files().Accept(t.Context(), id, 1); err != nil {
				t.Fatal(err)
			}
		}
		accept(gone.ID)
		bob.holds(time.Minute, gone.ID, files.StateGone)
		path, content := w.file("cake.jpg", 15<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		accept(sent.ID)
		bob.holds(time.Minute, sent.ID, files.StateHeld)
		if _, err := bob.Files().Add(t.Context(), files.Adding{Path: path}, func(uint64, uint64) error { return nil }); err != nil {
			t.Error(err)
		}
		bob.free.Store(0)
		bob.saves(time.Minute, sent.ID, content)
	})
}

// TestSaveThatFailed: what could not be saved to its end stayed in the owner's folder for ever, unfinished.
func TestSaveThatFailed(t *testing.T) {
	t.Parallel()
	inWorld(t, 626, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		path, _ := w.file("film.mp4", 3<<20)
		sent := ann.hands(bob, files.Adding{Path: path, InPlace: true})
		ann.holds(10*time.Second, sent.ID, files.StateInPlace)
		if err := os.WriteFile(path, []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		if _, err := ann.Files().Save(t.Context(), sent.ID, 1, to); err != nil {
			t.Fatal(err)
		}
		if err := ann.Files().Transfers(t.Context(), &sent.ID, func([]files.Transfer) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
	})
}

// TestSaveIsCancelled: what was cancelled was saved all the same when it was accepted again.
func TestSaveIsCancelled(t *testing.T) {
	t.Parallel()
	inWorld(t, 627, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		bob.fetches(people.FetchOff)
		path, _ := w.file("cake.jpg", 2<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateOffered)
		ann.stop()
		to := t.TempDir()
		if _, err := bob.Files().Save(t.Context(), sent.ID, 1, to); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Files().Cancel(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Files().Accept(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		ann.start(bob.address())
		bob.holds(time.Minute, sent.ID, files.StateHeld)
		time.Sleep(10 * time.Second)
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%v was saved, %v", left, err)
		}
	})
}

// TestForwardedAsItGoes: what was forwarded as its copy went was said to be kept, and was not.
func TestForwardedAsItGoes(t *testing.T) {
	t.Parallel()
	inWorld(t, 628, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		bob.fetches(people.FetchOff)
		path, content := w.file("cake.jpg", 2<<20)
		sent := ann.hands(bob, files.Adding{Path: path})
		again, err := ann.Messages().Forward(t.Context(), sent.ID, []string{"Bob"})
		if err != nil {
			t.Fatal(err)
		}
		ann.holds(10*time.Second, again[0].ID, files.StateKept)
		fresh := store.FileSet{Message: again[0].ID, FileStatus: store.FileStatus{State: store.FileNew}} // nobody has looked yet
		if err := ann.store.SetFiles(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Files().Drop(t.Context(), sent.ID, 1); err != nil {
			t.Fatal(err)
		}
		ann.kill()
		ann.start(bob.address())
		ann.holds(10*time.Second, again[0].ID, files.StateKept)
		bob.holds(10*time.Second, again[0].ID, files.StateOffered)
		bob.saves(time.Minute, again[0].ID, content)
	})
}

// attaches is event with files that nobody has.
func (m *mallory) attaches(many int) event.Event {
	m.w.t.Helper()
	h := m.event("").Header
	content, err := event.Text{}.Marshal()
	if err != nil {
		m.w.t.Fatal(err)
	}
	body := event.Body{Content: content, Attachments: make([]event.Attachment, many)}
	for i := range body.Attachments {
		a := &body.Attachments[i]
		a.Name, a.Size = fmt.Sprint(i), 1
		_, _ = cryptorand.Read(a.Manifest[:])
		_, _ = cryptorand.Read(a.Key[:])
	}
	e, err := event.New(h, body)
	if err != nil {
		m.w.t.Fatal(err)
	}
	m.last = e
	return e
}

// It is decided about all that was attached, though that is more than is decided about at once.
func TestManyNewFiles(t *testing.T) {
	t.Parallel()
	inWorld(t, 640, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		var them []*mallory
		for _, name := range []string{"Mallory", "Malory", "Malroy"} {
			m := w.mallory(name)
			m.greet(ann)
			m.offer()
			var events []event.Event
			for range 8 {
				events = append(events, m.attaches(event.MaxAttachments))
			}
			m.send(m.run(events...))
			m.until(ann, "it is there", func(*seen) bool { return len(m.rowsAt(ann)) == len(events) })
			them = append(them, m)
		}
		in := func(s store.FileState) int {
			refs, _, err := ann.store.FilesIn(s, nil, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			return len(refs)
		}
		w.within(soon, "all is decided", func() bool { return in(store.FileNew) == 0 })
		for _, m := range them {
			for _, row := range m.rowsAt(ann) {
				for _, f := range row.Files {
					if f.State != store.FileOffered || !f.ByHand {
						t.Fatalf("%+v", f.FileStatus)
					}
				}
			}
		}
	})
}
