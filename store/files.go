package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/shelf"
)

// A row whose event has attachments has a reference for each of them, from the commit in which it is
// first shown until its words go: so in what is kept of files there is nothing that no message asks for.
// A reference says what the attachment stands for here, by a name that several attachments may share, and
// what has become of it. When the last reference to a name goes, what is kept under it is forgotten in the
// same commit (Shelf.Forget). References to which something is to be done stand together, by their
// state, so that nobody has to look for them among all others. While one of others' messages is new it does
// not keep what another message has brought.

const (
	// costFile is about how much is written for an attachment that is new, in bytes.
	costFile = 512
	// costFileUser is the same once it is decided what becomes of it: there is a row under a name that is
	// random, so a page changes that no other one changes.
	costFileUser = 4 << 10
)

// BlobID names what is kept of an attachment on this disk.
type BlobID = shelf.ID

// FileState is what has become of an attachment here.
type FileState uint8

const (
	FileOffered  = FileState(event.FileOffered) // of others' messages, as all up to FileChanged
	FileFetching = FileState(event.FileFetching)
	FilePaused   = FileState(event.FilePaused)
	FileHeld     = FileState(event.FileHeld)
	FileDeclined = FileState(event.FileDeclined)
	FileChanged  = FileState(event.FileChanged)

	FileGone    FileState = 6 // the copy was dropped, or went by time
	FileKept    FileState = 7 // of one's own: there is a copy
	FileInPlace FileState = 8 // of one's own: it is served from where it is

	// FileNew is a reference that nobody has looked at yet: to people it is offered.
	FileNew FileState = 9
)

func (s FileState) String() string {
	return [...]string{"offered", "fetching", "paused", "held", "declined", "changed", "gone", "kept", "in_place", "offered"}[s]
}

// said returns the state as readers are told it.
func (s FileState) said() event.FileState {
	switch s {
	case FileNew:
		return event.FileOffered
	case FileGone: // what went was held
		return event.FileHeld
	}
	return event.FileState(s)
}

// FileReason is why an attachment is paused.
type FileReason uint8

const (
	NoFileReason FileReason = iota
	FileByOwner
	FileNoRoom   // on this disk
	FileNoSource // nobody who has it is here
	FileLost     // the same, and its sender has no copy of it any more
)

func (r FileReason) String() string {
	return [...]string{"", "owner", "no_room", "no_source", "lost"}[r]
}

// FileStatus is what has become of an attachment here, and who wants it.
type FileStatus struct {
	State  FileState
	Reason FileReason // of FilePaused
	Asked  bool       // the owner has asked for it; else it was begun by itself
	ByHand bool       // of FileOffered: it is fetched only if the owner asks for it
}

// shown returns the status as people see it.
func (s FileStatus) shown() FileStatus {
	if s.State == FileNew {
		s.State = FileOffered
	}
	return s
}

func (s FileStatus) onto(r layout.FileRef) layout.FileRef {
	r.State, r.Reason, r.Flags = byte(s.State), byte(s.Reason), 0
	if s.Asked {
		r.Flags |= layout.FileAsked
	}
	if s.ByHand {
		r.Flags |= layout.FileByHand
	}
	return r
}

func statusOf(r layout.FileRef) FileStatus {
	return FileStatus{FileState(r.State), FileReason(r.Reason), r.Flags&layout.FileAsked != 0, r.Flags&layout.FileByHand != 0}
}

// File is an attachment of a row.
type File struct {
	event.Attachment
	FileStatus
	Blob BlobID
}

// Of returns what is kept of the attachment in the shelf.
func (f *File) Of() shelf.Of { return OfFile(&f.Attachment) }

// OfFile returns what is kept of an attachment in the shelf.
func OfFile(a *event.Attachment) shelf.Of {
	kind := blob.File
	if a.Flags&event.AttachedFolder != 0 {
		kind = blob.Folder
	}
	return shelf.Of{Manifest: a.Manifest, Key: a.Key, Size: a.Size, Kind: kind}
}

// addFiles puts attachments into a row.
func (v *view) addFiles(row *Row, x *entry, attachments []event.Attachment) error {
	if row.Kind != event.KindText || len(attachments) == 0 {
		return nil
	}
	refs, err := v.refs(x.Slot)
	if err != nil {
		return err
	}
	if len(refs) != len(attachments) {
		return damaged("%d references to %d attachments", len(refs), len(attachments))
	}
	row.Files = make([]File, len(refs))
	for i, r := range refs {
		row.Files[i] = File{Attachment: attachments[i], FileStatus: statusOf(r), Blob: BlobID(r.Blob)}
	}
	return nil
}

// refs returns the references of the row of the event in a slot, in the order of its attachments.
func (r *reader) refs(p layout.Slot) (out []layout.FileRef, err error) {
	for _, v := range r.Prefix(bucketBlobRefs, p.Bytes()) {
		ref, err := layout.ParseFileRef(v)
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

// files is what a batch changes of references.
type files struct {
	*batch
	come bool     // there are new ones
	gone []BlobID // to which nothing refers any more

	taken     []event.ID // own messages of which somebody holds or has declined more, see Change.Taken
	takenMore bool

	said map[Subject]struct{} // on which holdings would say something else now
}

// show makes the references of a row. They are new, unless the same is here already for another message
// of the owner's.
func (f *files) show(x *entry) error {
	if x.header.Kind != event.KindText {
		return nil
	}
	plain, err := f.body(x)
	if err != nil {
		return err
	}
	if x.plain = plain; event.CountAttachments(plain) == 0 {
		return nil
	}
	body, err := f.content(x)
	if err != nil {
		return err
	}
	for n := range body.Attachments {
		id := f.s.shelf.ID(OfFile(&body.Attachments[n]))
		state := FileNew
		if f.isOwn(x.in.Person) {
			if state, err = f.known(id); err != nil {
				return err
			}
		}
		f.put(x, n, layout.FileRef{Blob: layout.Blob(id), State: byte(state)})
	}
	for _, key := range attachedKeys(x) {
		f.Put(bucketAttached, key, x.Slot.Bytes())
	}
	f.come = true
	if f.isOwn(x.in.Person) {
		return nil
	}
	earlier, err := f.saidBefore(subjectOf(x))
	if len(earlier) > 0 { // it may have been named there
		f.noteUnsaid(subjectOf(x))
	}
	return err
}

// known returns the state of what the owner sends again: it is here, or nobody has looked yet.
func (f *files) known(id BlobID) (FileState, error) {
	for k := range f.Prefix(bucketBlobUsers, id[:]) {
		of, err := layout.FileAt(k)
		if err != nil {
			return 0, err
		}
		ref, err := layout.ParseFileRef(f.Get(bucketBlobRefs, of.Bytes()))
		if err != nil {
			return 0, err
		}
		switch state := FileState(ref.State); state {
		case FileHeld, FileKept:
			return FileKept, nil
		case FileInPlace:
			return FileInPlace, nil
		}
	}
	return FileNew, nil
}

// attachedKeys are where a row stands in the lists of messages with attachments: that of its
// conversation, and that of all, which no conversation has the number of.
func attachedKeys(x *entry) [2][]byte {
	return [2][]byte{layout.ViewKey(x.in.Conversation, x.T, x.id), layout.ViewKey(0, x.T, x.id)}
}

// working reports whether references in a state stand together: something is to be done to them.
func working(state FileState) bool {
	switch state {
	case FileNew, FileFetching, FilePaused, FileKept, FileInPlace:
		return true
	}
	return false
}

// put writes a reference that is not there. Who has sent a message chooses how much is attached to it. So as
// long as nothing is decided about that, no row is made that stands apart from those of the same message.
func (f *files) put(x *entry, n int, ref layout.FileRef) {
	of := layout.File{Slot: x.Slot, N: byte(n)}
	f.Put(bucketBlobRefs, of.Bytes(), ref.Bytes())
	if FileState(ref.State) != FileNew || f.isOwn(x.in.Person) {
		f.Put(bucketBlobUsers, layout.BlobUser(ref.Blob, of), []byte{})
	}
	if working(FileState(ref.State)) {
		f.Put(bucketFileWork, layout.FileWork(ref.State, of), []byte{})
	}
}

// take takes a reference away.
func (f *files) take(of layout.File, ref layout.FileRef) {
	f.Delete(bucketBlobRefs, of.Bytes())
	f.Delete(bucketBlobUsers, layout.BlobUser(ref.Blob, of))
	if working(FileState(ref.State)) {
		f.Delete(bucketFileWork, layout.FileWork(ref.State, of))
	}
}

// drop takes away the references of a row whose words go, and forgets what nothing refers to any more.
func (f *files) drop(x *entry) error {
	refs, err := f.refs(x.Slot)
	if err != nil || len(refs) == 0 {
		return err
	}
	for n, ref := range refs {
		f.take(layout.File{Slot: x.Slot, N: byte(n)}, ref)
	}
	for _, key := range attachedKeys(x) {
		f.Delete(bucketAttached, key)
	}
	for _, ref := range refs {
		id := BlobID(ref.Blob)
		if k, _ := f.Seek(bucketBlobUsers, id[:]); bytes.HasPrefix(k, id[:]) || slices.Contains(f.gone, id) {
			continue
		}
		f.gone = append(f.gone, id)
		if err := f.s.shelf.Forget(f.Batch, id); err != nil {
			return err
		}
	}
	if f.isOwn(x.in.Person) {
		return nil
	}
	_, err = f.unlist(x)
	return err
}

// move takes the references of a row with it, which stands in another slot now.
func (f *files) move(x *entry, from layout.Slot) error {
	refs, err := f.refs(from)
	if err != nil || len(refs) == 0 {
		return err
	}
	for n, ref := range refs {
		f.take(layout.File{Slot: from, N: byte(n)}, ref)
		f.put(x, n, ref)
	}
	for _, key := range attachedKeys(x) {
		f.Put(bucketAttached, key, x.Slot.Bytes())
	}
	return nil
}

// set says what has become of an attachment.
func (f *files) set(x *entry, n int, to FileStatus) error {
	of := layout.File{Slot: x.Slot, N: byte(n)}
	b := f.Get(bucketBlobRefs, of.Bytes())
	if b == nil || n < 0 || n >= event.MaxAttachments {
		return nil // its message is gone
	}
	ref, err := layout.ParseFileRef(b)
	if err != nil {
		return err
	}
	was := statusOf(ref)
	if was == to {
		return nil
	}
	if was.State == FileNew && to.State == FileHeld {
		// What was here may have gone with another message meanwhile. Then it is still new.
		if here, err := f.s.shelf.Holds(&f.Batch.Reader, BlobID(ref.Blob)); err != nil || !here {
			return err
		}
	}
	f.take(of, ref)
	f.put(x, n, to.onto(ref))
	if was.shown() != to.shown() {
		f.noteEvent(x.Slot)
	}
	if f.isOwn(x.in.Person) || was.State.said() == to.State.said() {
		return nil
	}
	return f.fare(x)
}

// describe says what a batch has changed.
func (f *files) describe(c *Change) {
	c.Attached, c.Dropped, c.Taken, c.TakenMore = f.come, f.gone, f.taken, f.takenMore
	for of := range f.said {
		c.Holdings = append(c.Holdings, of)
	}
}
