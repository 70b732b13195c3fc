package layout

import (
	"encoding/binary"

	"github.com/earshot-im/earshot/store/disk"
)

// Blob names the bytes of attachments on this disk.
type Blob [16]byte

// FileSize is the size of what names an attachment in keys: the slot of its message and its number.
const FileSize = SlotSize + 1

// File is which attachment is meant: that of a number, from 0, of the message in a slot.
type File struct {
	Slot
	N byte
}

// Bytes returns the key of an attachment.
func (f File) Bytes() []byte { return f.Append(make([]byte, 0, FileSize)) }

// Append appends those bytes to b.
func (f File) Append(b []byte) []byte { return append(f.Slot.Append(b), f.N) }

// FileAt reads an attachment at the end of b.
func FileAt(b []byte) (File, error) {
	if len(b) < FileSize {
		return File{}, disk.Damaged("attachment of %d bytes", len(b))
	}
	b = b[len(b)-FileSize:]
	return File{Slot{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}, b[12]}, nil
}

// FileRef is a value of the bucket "blobrefs": what an attachment stands for, and what has become of it.
type FileRef struct {
	Blob   Blob
	State  byte
	Reason byte
	Flags  byte
}

// Flags of a FileRef.
const (
	FileAsked  = 1 << iota // the owner has asked for it
	FileByHand             // only the owner can have it fetched
)

const (
	fileRefSize = len(Blob{}) + 3

	lastFileState, lastFileReason = 9, 4
)

// Bytes returns the value.
func (r *FileRef) Bytes() []byte { return append(r.Blob[:], r.State, r.Reason, r.Flags) }

// ParseFileRef reads that value.
func ParseFileRef(b []byte) (FileRef, error) {
	if len(b) != fileRefSize {
		return FileRef{}, disk.Damaged("reference of %d bytes", len(b))
	}
	r := FileRef{Blob(b), b[16], b[17], b[18]}
	if r.State > lastFileState || r.Reason > lastFileReason || r.Flags > FileAsked|FileByHand {
		return FileRef{}, disk.Damaged("reference in state %d, %d, %d", r.State, r.Reason, r.Flags)
	}
	return r, nil
}

// BlobUser is the key of an attachment among all that stand for the same bytes.
func BlobUser(id Blob, f File) []byte {
	return f.Append(append(make([]byte, 0, len(id)+FileSize), id[:]...))
}

// FileWork is the key of an attachment among those that are in the same state.
func FileWork(state byte, f File) []byte { return f.Append(append(make([]byte, 0, 1+FileSize), state)) }
