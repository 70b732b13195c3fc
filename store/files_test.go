package store

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/shelf"
	"github.com/earshot-im/earshot/store/tx"
)

// filed compares what is kept of references with what a scan of all rows finds. Each test ends with it.
func (n *node) filed() {
	n.t.Helper()
	type key struct{ bucket, key string }
	got, want := map[key]string{}, map[key]string{}
	check(n.t, n.view(func(r *reader) error {
		for _, bucket := range []string{"blobrefs", "blobusers", "attached", "filework"} {
			for k, v := range r.Prefix(tx.Bucket(bucket), nil) {
				got[key{bucket, string(k)}] = string(v)
			}
		}
		rows := map[layout.Slot]bool{}
		for k, v := range r.Prefix(bucketView, nil) {
			at, err := layout.ParseView(k, v)
			check(n.t, err)
			if _, notice := at.Slot.Notice(); notice {
				continue
			}
			x, err := r.entry(at.Slot)
			check(n.t, err)
			if x.Absent != event.Present || x.header.Kind != event.KindText {
				continue
			}
			body, err := r.content(x)
			check(n.t, err)
			for i := range body.Attachments {
				of := layout.File{Slot: x.Slot, N: byte(i)}
				ref, err := layout.ParseFileRef(r.Get(bucketBlobRefs, of.Bytes()))
				if err != nil || BlobID(ref.Blob) != n.shelf.ID(OfFile(&body.Attachments[i])) {
					n.t.Errorf("no reference to an attachment: %v", err)
				}
				want[key{"blobrefs", string(of.Bytes())}] = string(ref.Bytes())
				if FileState(ref.State) != FileNew || r.isOwn(x.in.Person) {
					want[key{"blobusers", string(layout.BlobUser(ref.Blob, of))}] = ""
				}
				if working(FileState(ref.State)) {
					want[key{"filework", string(layout.FileWork(ref.State, of))}] = ""
				}
				for _, k := range attachedKeys(x) {
					want[key{"attached", string(k)}] = string(x.Slot.Bytes())
				}
				rows[x.Slot] = true
			}
		}
		listed := map[layout.Slot]bool{}
		count := map[string]int{}
		for k, v := range r.Prefix(bucketHoldings, nil) {
			p, _ := layout.SlotAt(v)
			held, err := r.heldHere(p.Log)
			check(n.t, err)
			if count[string(k[:36])]++; listed[p] || !rows[p] || held.Covers(p.Sequence) || count[string(k[:36])] > event.MaxHeldStates {
				n.t.Errorf("%v is listed: twice %t, a row %t, held %t", p, listed[p], rows[p], held.Covers(p.Sequence))
			}
			listed[p] = true
		}
		for k := range r.Prefix(bucketFates, nil) {
			p, _ := layout.SlotAt(k[:layout.SlotSize])
			x, err := r.entry(p)
			if err != nil || x.Absent != event.Present || !r.isOwn(x.in.Person) {
				n.t.Errorf("states of what is not there: %v", err)
			}
		}
		return nil
	}))
	if !maps.Equal(got, want) {
		n.t.Errorf("references of %d keys, want %d: %q, want %q", len(got), len(want), got, want)
	}
}

// attached returns a small attachment, always the same of a name.
func attached(name string) event.Attachment {
	return event.Attachment{Name: name, Manifest: crypto.Digest("manifest", []byte(name)), Key: [32]byte(crypto.Digest("key", []byte(name))), Size: 7}
}

func attachments(names ...string) (out []event.Attachment) {
	for _, name := range names {
		out = append(out, attached(name))
	}
	return out
}

func (n *node) attach(c event.Conversation, words string, names ...string) Entry {
	n.t.Helper()
	e, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text(words), Attachments: attachments(names...)})
	check(n.t, err)
	return e
}

// attach makes the next event of the log, with attachments.
func (p *pen) attach(words string, names []string, change ...func(*event.Header)) event.Event {
	p.t.Helper()
	e := p.say(words, change...)
	e, err := event.New(e.Header, event.Body{Content: text(words), Attachments: attachments(names...)})
	check(p.t, err)
	e.Sign(p.key)
	p.last = e
	return e
}

// set says what has become of an attachment. What is held was fetched before.
func (n *node) set(id event.ID, at int, state FileState) {
	n.t.Helper()
	if state == FileHeld {
		n.set(id, at, FileFetching)
	}
	check(n.t, n.SetFiles(ctx, FileSet{Message: id, N: at, FileStatus: FileStatus{State: state}}))
}

func (n *node) in(state FileState) (names []string) {
	n.t.Helper()
	refs, next, err := n.FilesIn(state, nil, 1<<20)
	check(n.t, err)
	if next != nil {
		n.t.Error("there are others")
	}
	for _, r := range refs {
		names = append(names, r.Name)
	}
	return names
}

func states(files []File) (out []string) {
	for _, f := range files {
		out = append(out, f.Name+" "+f.State.String())
	}
	return out
}

func TestAttachmentsOfADraft(t *testing.T) {
	a, _, c := pair(t)
	draft := Draft{Conversation: c, Kind: event.KindText, Content: text(""), Attachments: attachments("x", "y")}
	k := event.KeyFor("once")
	draft.Key = &k
	e, err := a.Append(ctx, draft)
	check(t, err)
	equalWords(t, "files", states(e.Files), "x offered", "y offered")
	if change := a.lastChange(); !change.Attached {
		t.Errorf("%+v", change)
	}
	a.set(e.ID, 0, FileKept)
	a.set(e.ID, 1, FileInPlace)
	row, err := a.Row(e.ID)
	check(t, err)
	equalWords(t, "files", states(row.Files), "x kept", "y in_place")
	if row.Text != "" || row.Files[0].Attachment.Size != 7 {
		t.Errorf("%+v", row)
	}

	// The same key sends the same once, though it was taken in again under another key of its own.
	again := draft
	again.Attachments = attachments("x", "y")
	again.Attachments[0].Key[0]++
	again.Attachments[0].Preview = []byte{1}
	e2, err := a.Append(ctx, again)
	check(t, err)
	if !e2.Existing || e2.ID != e.ID {
		t.Error("sent twice")
	}
	for _, other := range [][]event.Attachment{attachments("x"), attachments("x", "z"), nil} {
		again.Attachments = other
		if _, err := a.Append(ctx, again); err != ErrKeyUsed {
			t.Errorf("%d others: %v", len(other), err)
		}
	}
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Target: e.ID, Attachments: attachments("x")}); err != ErrKind {
		t.Error(err)
	}

	// What is here already is here for another message too.
	e = a.attach(c, "again", "x", "y", "z")
	equalWords(t, "files", states(e.Files), "x kept", "y in_place", "z offered")
	equalWords(t, "new", a.in(FileNew), "z")
	equalWords(t, "kept", a.in(FileKept), "x", "x")
	// An edit leaves them.
	_, err = a.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Target: e.ID, Content: editOf("others")})
	check(t, err)
	row, err = a.Row(e.ID)
	check(t, err)
	if row.Text != "others" || len(row.Files) != 3 {
		t.Errorf("%+v", row)
	}
}

// Previews are left out, the largest first, where the body is too large with them.
func TestPreviewsMakeRoom(t *testing.T) {
	a, _, c := pair(t)
	draft := Draft{Conversation: c, Kind: event.KindText, Content: text(strings.Repeat("x", 60<<10))}
	for i := range 4 {
		x := attached(fmt.Sprint(i))
		x.Preview = make([]byte, event.MaxPreview-i)
		draft.Attachments = append(draft.Attachments, x)
	}
	e, err := a.Append(ctx, draft)
	check(t, err)
	var left []int
	for _, f := range e.Files {
		left = append(left, len(f.Preview))
	}
	if !slices.Equal(left, []int{0, 0, event.MaxPreview - 2, event.MaxPreview - 3}) {
		t.Error(left)
	}
	if len(draft.Attachments[0].Preview) == 0 {
		t.Error("the draft was changed")
	}
	draft.Content = text(strings.Repeat("x", event.MaxText))
	for range 28 {
		x := attached(strings.Repeat("n", event.MaxFileName))
		x.Type, x.Wave = strings.Repeat("t", event.MaxFileType), make([]byte, event.MaxWave)
		draft.Attachments = append(draft.Attachments, x)
	}
	if _, err := a.Append(ctx, draft); err == nil {
		t.Error("too large a body was written")
	}
}

func TestReferencesComeWithTheirRow(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("first")
	e := p.attach("", []string{"x", "y"})
	_, err := p.give(n, e) // it waits for the first
	check(t, err)
	if got := n.in(FileNew); len(got) > 0 {
		t.Fatal(got)
	}
	if n.lastChange().Attached {
		t.Error("told before they are shown")
	}
	_, err = p.give(n, first)
	check(t, err)
	equalWords(t, "new", n.in(FileNew), "x", "y")
	if !n.lastChange().Attached {
		t.Error("not told")
	}
	before := n.Last()
	n.set(e.ID, 0, FileOffered) // to people nothing has changed
	if n.Last() != before {
		t.Error("told what nobody sees")
	}
	check(t, n.SetFiles(ctx,
		FileSet{e.ID, 0, FileStatus{State: FileFetching, Asked: true}},
		FileSet{e.ID, 1, FileStatus{State: FilePaused, Reason: FileNoRoom}},
		FileSet{e.ID, 2, FileStatus{State: FileHeld}},
		FileSet{e.ID, -1, FileStatus{State: FileHeld}},
		FileSet{event.ID{1}, 0, FileStatus{State: FileHeld}}))
	if n.Last() != before+1 {
		t.Error("not told")
	}
	n.reopen()
	equalWords(t, "new", n.in(FileNew))
	equalWords(t, "fetching", n.in(FileFetching), "x")
	refs, _, err := n.FilesIn(FilePaused, nil, 9)
	check(t, err)
	if len(refs) != 1 || refs[0].Reason != FileNoRoom || refs[0].Message != e.ID || refs[0].N != 1 || refs[0].Conversation != c || refs[0].Author != p.card.Person() || refs[0].Own {
		t.Errorf("%+v", refs)
	}
	files, err := n.Files(e.ID)
	check(t, err)
	if len(files) != 2 || !files[0].Asked || files[0].Attachment.Manifest != attached("x").Manifest {
		t.Errorf("%+v", files)
	}
}

// keep makes what an attachment stands for, and keeps it.
func (n *node) keep(content string) event.Attachment {
	n.t.Helper()
	a := event.Attachment{Name: content, Size: uint64(len(content)), Key: [32]byte(crypto.Digest("key", []byte(content)))}
	b, err := n.shelf.Take(blob.Manifest{Kind: blob.File, Size: a.Size}, a.Key, strings.NewReader(content), true, func(int) error { return nil })
	check(n.t, err)
	check(n.t, b.Commit(ctx, nil))
	a.Manifest = b.Info().Manifest
	b.Close()
	return a
}

func (n *node) blobs() int {
	n.t.Helper()
	count, _, err := n.shelf.Sum()
	check(n.t, err)
	return count
}

// When the words go, the references go with them, and what nothing refers to any more is forgotten.
func TestRecallTakesWhatIsAttached(t *testing.T) {
	a, _, c := pair(t)
	x := a.keep("shared")
	y := a.keep("alone")
	send := func(of ...event.Attachment) Entry {
		e, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Attachments: of})
		check(t, err)
		return e
	}
	first, second := send(x, y), send(x)
	before := a.backup()
	_, err := a.Recall(ctx, first.ID)
	check(t, err)
	if dropped := a.lastChange().Dropped; len(dropped) != 1 || dropped[0] != first.Files[1].Blob {
		t.Errorf("dropped %v", dropped)
	}
	if n := a.blobs(); n != 1 {
		t.Errorf("%d are kept", n)
	}
	files, err := a.Files(first.ID)
	check(t, err)
	row, err := a.Row(first.ID)
	check(t, err)
	if len(files) > 0 || len(row.Files) > 0 || !row.Recalled {
		t.Errorf("%+v", row)
	}
	after := a.backup()
	_, err = a.Cancel(ctx, second.ID)
	check(t, err)
	if n := a.blobs(); n != 0 {
		t.Errorf("%d are kept", n)
	}
	for _, crash := range []struct {
		dir         string
		rows, blobs int
	}{{before, 2, 2}, {after, 1, 1}} {
		n := &node{t: t, dir: crash.dir, at: epoch}
		n.open()
		rows, err := n.Attached(nil, nil, 9, nil)
		check(t, err)
		if len(rows) != crash.rows || n.blobs() != crash.blobs {
			t.Errorf("%d rows, %d blobs, want %d, %d", len(rows), n.blobs(), crash.rows, crash.blobs)
		}
		n.stop()
	}
}

func TestRecallByTheAuthorTakesWhatIsAttached(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e := p.attach("", []string{"x"})
	_, err := p.give(n, e)
	check(t, err)
	n.set(e.ID, 0, FileHeld)
	_, err = p.give(n, p.recalls(e.ID, epoch))
	check(t, err)
	if dropped := n.lastChange().Dropped; len(dropped) != 1 {
		t.Errorf("dropped %v", dropped)
	}
	n.set(e.ID, 0, FileFetching) // too late
	if got := n.in(FileFetching); len(got) > 0 {
		t.Error(got)
	}
}

// So they do where a stranger's messages are given back, or the stranger is forgotten.
func TestGivingBackTakesWhatIsAttached(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, false)
	var events []event.Event
	for i := range 5 {
		events = append(events, p.attach("", []string{fmt.Sprint(i / 2)}))
	}
	_, err := p.give(n, events...)
	check(t, err)
	for i := range 3 {
		check(t, n.MarkRead(ctx, false, events[i].ID))
	}
	n.set(events[3].ID, 0, FileDeclined) // the same as the third; what is new keeps nothing
	_, err = n.GiveBack(ctx, true, p.card.Person())
	check(t, err)
	equalWords(t, "new", n.in(FileNew), "2")
	dropped := n.lastChange().Dropped
	if len(dropped) != 1 {
		t.Errorf("dropped %v", dropped)
	}
	check(t, n.Discard(ctx, p.card.Person()))
	if _, err := n.Forget(ctx, p.card.Person()); err != nil {
		t.Fatal(err)
	}
	equalWords(t, "new", n.in(FileNew))
	check(t, n.view(func(r *reader) error {
		for _, bucket := range []string{"heldhere", "holdings", "unsaid"} {
			if !r.Empty(tx.Bucket(bucket)) {
				t.Errorf("something is left in %s", bucket)
			}
		}
		return nil
	}))
}

func TestAttachedPages(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	other := newPen(t)
	d := other.meets(n, true)
	var want, all []event.ID
	for i := range 30 {
		n.wait(1e9)
		var e event.Event
		switch {
		case i%3 == 0:
			e = p.attach(fmt.Sprint(i), []string{"x"})
			want = append(want, e.ID)
		case i%7 == 0:
			e = other.attach(fmt.Sprint(i), []string{"x", "y"})
		default:
			_, err := p.give(n, p.say("words"))
			check(t, err)
			continue
		}
		all = append(all, e.ID)
		of := p
		if i%3 != 0 {
			of = other
		}
		_, err := of.give(n, e)
		check(t, err)
	}
	pages := func(conv *event.Conversation) (got []event.ID) {
		var before *event.ID
		for {
			rows, err := n.Attached(conv, before, 3, nil)
			check(t, err)
			for _, r := range rows {
				if len(r.Files) == 0 {
					t.Error("a row without files")
				}
				got = append(got, r.ID)
			}
			if len(rows) < 3 {
				return got
			}
			before = &rows[2].ID
		}
	}
	slices.Reverse(want)
	if got := pages(&c); !slices.Equal(got, want) {
		t.Errorf("%d, want %d", len(got), len(want))
	}
	if got := pages(&d); len(got) != len(all)-len(want) {
		t.Errorf("%d of the other", len(got))
	}
	if got := pages(nil); len(got) != len(all) {
		t.Errorf("%d of all %d", len(got), len(all))
	}
	if _, err := n.Attached(&d, &want[0], 3, nil); err != ErrNoEvent {
		t.Error(err)
	}
	refs, next, err := n.FilesIn(FileNew, nil, 4)
	check(t, err)
	if len(refs) != 4 || next == nil {
		t.Errorf("%d at first", len(refs))
	}
	rest, end, err := n.FilesIn(FileNew, next, 100)
	check(t, err)
	if end != nil || len(rest)+4 != len(n.in(FileNew)) {
		t.Errorf("%d then", len(rest))
	}
	same := n.shelf.ID(OfFile(ptr(attached("x"))))
	refs, err = n.FilesWith(same, 5, nil)
	if check(t, err); len(refs) > 0 {
		t.Errorf("new ones keep what is the same: %+v", refs)
	}
	for _, id := range all {
		n.set(id, 0, FileOffered)
	}
	refs, err = n.FilesWith(same, 5, nil)
	check(t, err)
	if len(refs) != 5 || refs[0].Name != "x" {
		t.Errorf("%+v", refs)
	}
	last := refs[4].Message // a filter after the limit does not find it
	refs, err = n.FilesWith(n.shelf.ID(OfFile(ptr(attached("x")))), 1, func(f *FileRef) bool { return f.Message == last })
	check(t, err)
	if len(refs) != 1 || refs[0].Message != last {
		t.Errorf("%+v", refs)
	}
}

// New attachments are given by logs: somebody who sends many is passed over for the next.
func TestNewFilesByLog(t *testing.T) {
	n := newNode(t)
	var all [][]event.Event
	var pens []*pen
	for range 3 {
		p := newPen(t)
		p.meets(n, true)
		pens = append(pens, p)
		events := []event.Event{p.attach("", []string{"a", "b", "c"}), p.attach("", []string{"d"})}
		_, err := p.give(n, events...)
		check(t, err)
		all = append(all, events)
	}
	n.set(all[1][0].ID, 1, FileOffered)
	n.set(all[2][0].ID, 0, FileOffered)
	n.set(all[2][0].ID, 1, FileOffered)
	n.set(all[2][0].ID, 2, FileOffered)
	n.set(all[2][1].ID, 0, FileOffered)
	var from FilePlace
	of := func(crypto.PersonID, event.Conversation) bool { return true }
	next := func(limit int, keep func(*FileRef) bool) (names []string) {
		t.Helper()
		refs, after, err := n.NewFiles(from, FileRests{}, limit, of, keep)
		check(t, err)
		for _, f := range refs {
			names = append(names, f.Name)
		}
		from = after
		return names
	}
	equalWords(t, "of the first", next(2, nil), "a", "b")
	equalWords(t, "of the second", next(9, nil), "a", "c", "d")
	if equalWords(t, "of the third", next(9, nil)); len(from) > 0 {
		t.Error("there is no end")
	}
	equalWords(t, "what is wanted", next(1, func(f *FileRef) bool { return f.N == 2 }), "c")
	equalWords(t, "what is wanted of the second", next(9, func(f *FileRef) bool { return false }))
	if len(from) == 0 {
		t.Error("what nobody wants is taken for the end")
	}
	second := all[1][0].Header.Conversation
	from, of = nil, func(author crypto.PersonID, in event.Conversation) bool {
		return author == pens[1].card.Person() && in == second
	}
	equalWords(t, "of a log that is wanted", next(9, nil), "a", "c", "d")
	if equalWords(t, "after it", next(9, nil)); len(from) > 0 {
		t.Error("there is no end after the log that is wanted")
	}
}

// A log of which there was more than its turn goes on behind that, and begins again at its end: what was decided
// meanwhile is not passed over each time.
func TestNewFilesGoOnInTheirLog(t *testing.T) {
	n, p, other := newNode(t), newPen(t), newPen(t)
	p.meets(n, true)
	other.meets(n, true)
	first, last, more := p.attach("", []string{"a", "b", "c", "d"}), p.attach("", []string{"e"}), other.attach("", []string{"f"})
	for _, e := range []event.Event{first, more} {
		_, err := p.give(n, e)
		check(t, err)
	}
	var from FilePlace
	rests := FileRests{}
	next := func(what string, want ...string) {
		t.Helper()
		refs, after, err := n.NewFiles(from, rests, 3, func(crypto.PersonID, event.Conversation) bool { return true }, nil)
		check(t, err)
		var names []string
		for _, f := range refs {
			names = append(names, f.Name)
		}
		if from = after; (len(names) == 0) != (len(from) == 0) {
			t.Errorf("%s: goes on at %x", what, from)
		}
		equalWords(t, what, names, want...)
	}
	next("as many as it should", "a", "b", "c")
	next("the other log", "f")
	next("the end")
	_, err := p.give(n, last)
	check(t, err)
	next("the rest, with what has come meanwhile", "d", "e")
	next("the other log again", "f")
	next("the end again")
	n.set(first.ID, 3, FileOffered)
	next("nothing is left of the rest but what has come", "e")
	n.set(last.ID, 0, FileOffered)
	from = nil
	next("what was passed over", "a", "b", "c")
}

// The logs with a rest are bounded. To go on in one of them forgets none.
func TestRestsAreBounded(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	_, err := p.give(n, p.attach("", []string{"a", "b", "c"}))
	check(t, err)
	next := func(rests FileRests) int {
		t.Helper()
		refs, _, err := n.NewFiles(nil, rests, 1, func(crypto.PersonID, event.Conversation) bool { return true }, nil)
		check(t, err)
		if len(refs) != 1 {
			t.Errorf("%d attachments", len(refs))
		}
		return len(rests)
	}
	rests := FileRests{}
	if next(rests) != 1 {
		t.Fatalf("%d rests", len(rests))
	}
	for log := range uint32(maxRests - 1) {
		rests[1000+log] = startOf(1000 + log)
	}
	if got := next(rests); got != maxRests {
		t.Errorf("%d rests after going on in one of %d", got, maxRests)
	}
	rests = FileRests{}
	for log := range uint32(maxRests) {
		rests[1000+log] = startOf(1000 + log)
	}
	if got := next(rests); got != 1 {
		t.Errorf("%d rests after one more than %d", got, maxRests)
	}
}

// What is new is held only if it is here when that is written down: another message may have taken it with it.
func TestHeldOnlyWhatIsHere(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e := p.attach("", []string{"x"})
	_, err := p.give(n, e)
	check(t, err)
	held := FileSet{Message: e.ID, FileStatus: FileStatus{State: FileHeld}}
	check(t, n.SetFiles(ctx, held))
	equalWords(t, "still new", n.in(FileNew), "x")
	b, err := n.Shelf().Make(OfFile(ptr(attached("x"))))
	check(t, err)
	defer b.Close()
	check(t, b.Commit(ctx, nil))
	check(t, n.NoteFiles(ctx, held))
	equalWords(t, "still new, since there is nothing in it", n.in(FileNew), "x")
	check(t, b.Commit(ctx, func(i *shelf.Info) {
		i.Places = []shelf.Place{{Path: filepath.Join(t.TempDir(), "x"), Whole: true}}
	}))
	check(t, n.NoteFiles(ctx, held))
	equalWords(t, "held", n.in(FileNew))
}

func ptr[T any](v T) *T { return &v }

// What a disk that went back had written keeps its references, wherever it stands now.
func TestReferencesMoveWithTheirRow(t *testing.T) {
	a, b, c := goneBack(t)
	lost := a.attach(c, "lost", "x")
	a.set(lost.ID, 0, FileKept)
	meet(b, a, c)
	row, err := a.Row(lost.ID)
	check(t, err)
	equalWords(t, "files", states(row.Files), "x kept")
	a.filed()
	meet(a, b, c)
	rows := b.rows(c)
	theirs := rows[slices.IndexFunc(rows, func(r Row) bool { return r.Text == "lost" })]
	if len(theirs.Files) != 1 || theirs.ID == lost.ID {
		t.Errorf("%+v", theirs)
	}
	// What is said of the one that the other has counts for the row.
	b.set(theirs.ID, 0, FileHeld)
	acknowledge(b, a, c)
	before := a.Last()
	b.tellsHoldings(a, c)
	if taken := a.lastChange().Taken; !slices.Equal(taken, []event.ID{lost.ID}) || a.Last() == before {
		t.Errorf("told of %v", taken)
	}
	settled, err := a.Settled([]event.ID{lost.ID})
	check(t, err)
	if !settled[0] {
		t.Error("not settled")
	}
	_, err = a.Recall(ctx, lost.ID)
	check(t, err)
	if len(a.in(FileKept)) > 0 {
		t.Error("it is still kept")
	}
}

// TestDamagedAttachment: one message that could not be read held up what was to be done to the attachments of all
// after it.
func TestDamagedAttachment(t *testing.T) {
	a, _, c := pair(t)
	var sent []Entry
	for _, name := range []string{"x", "y", "z"} {
		sent = append(sent, a.attach(c, "", name))
	}
	flip := func() {
		t.Helper()
		check(t, a.do(ctx, func(b *batch) error {
			x, err := b.view.rowEntry(sent[1].ID)
			if err != nil {
				return err
			}
			row := bytes.Clone(b.Get(bucketEvents, x.Slot.Bytes()))
			row[len(row)-1] ^= 1
			b.Put(bucketEvents, x.Slot.Bytes(), row)
			return nil
		}))
	}
	flip()
	equalWords(t, "new", a.in(FileNew), "x", "z")
	a.set(sent[0].ID, 0, FileKept)
	a.set(sent[2].ID, 0, FileKept)
	equalWords(t, "kept", a.in(FileKept), "x", "z")
	flip() // all else is looked at after the test
	equalWords(t, "new", a.in(FileNew), "y")
}
