package shelf

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/disk"
)

const (
	// MaxPlaces bounds the places of a blob.
	MaxPlaces = 16

	maxPath = 32 << 10 // bytes: the longest of any system
	maxPart = 64
	maxRow  = 8 + 8 + nameSize // of what stands before the sealed part

	// maxPartial is more than a partial takes, maxPlace than a place.
	maxPartial = maxPath + maxPart + blob.MaxSet + 32
	maxPlace   = maxPath + 64

	nameSize = 16
)

// Of says what a blob is of: what an attachment says that is to be proven, and its key.
type Of struct {
	Manifest crypto.Hash
	Key      [32]byte
	Size     uint64 // of the stream
	Kind     blob.Kind
}

// Info is what is known of a blob.
type Info struct {
	Of
	Made, Used time.Time // when it was first kept, and when Commit was last called

	// What follows may be changed in Commit.

	Places  []Place   // up to MaxPlaces
	Partial *Partial  // nil: none is being written
	Due     time.Time // when the sealed chunks are to go; zero: not by time. See Shelf.Due

	// Proven reports whether the manifest is held. Pages and Chunks are which of them are held sealed.
	Proven        bool
	Pages, Chunks blob.Set
	manifestSize  int
}

// Place is where the file or folder is in the owner's own part of the disk, outside of the shelf.
type Place struct {
	Path     string // absolute
	Size     uint64 // of the file when it was whole; 0 of a folder
	Modified int64  // the same: ms since 1970
	Original bool   // it is what the owner sends in place; else it was saved
	Whole    bool   // all of the stream is there
}

// Partial is what is being written to a folder of the owner's, and is not whole.
type Partial struct {
	Folder string // absolute
	Part   string // names it there
	Chunks blob.Set
}

// Whole reports whether all of a stream is held sealed.
func (i *Info) Whole() bool {
	return i.Proven && i.Chunks.Count() == blob.Shape{Size: i.Size}.Chunks()
}

func (i *Info) clone() Info {
	c := *i
	c.Places, c.Pages, c.Chunks = slices.Clone(i.Places), i.Pages.Clone(), i.Chunks.Clone()
	if i.Partial != nil {
		p := *i.Partial
		p.Chunks = p.Chunks.Clone()
		c.Partial = &p
	}
	return c
}

// check refuses what has no room in a row.
func (i *Info) check() error {
	if len(i.Places) > MaxPlaces {
		return fmt.Errorf("%d places of a blob", len(i.Places))
	}
	for _, p := range i.Places {
		if len(p.Path) > maxPath {
			return fmt.Errorf("path of %d bytes", len(p.Path))
		}
	}
	if p := i.Partial; p != nil && (len(p.Folder) > maxPath || len(p.Part) > maxPart) {
		return fmt.Errorf("path of %d bytes, and %d", len(p.Folder), len(p.Part))
	}
	return nil
}

// sealedSize is how many bytes the sealed chunks take.
func (i *Info) sealedSize() (n uint64) {
	shape := blob.Shape{Size: i.Size}
	n = uint64(i.Chunks.Count()) * (blob.ChunkSize + blob.SealOverhead)
	if last := shape.Chunks() - 1; i.Chunks.Has(last) {
		_, size := shape.Chunk(last)
		n -= uint64(blob.ChunkSize - size)
	}
	return n
}

// head is what stands in a row before the sealed part: what is needed of all rows at once.
type head struct {
	due    int64  // ms since 1970; 0: never
	sealed uint64 // bytes that the sealed chunks take
	name   fileName
}

// fileName is how the files of a blob are named: random, so that a blob that is made again after it was
// forgotten has nothing to do with what is still to be removed.
type fileName [nameSize]byte

func (h *head) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, maxRow), uint64(h.due))
	b = binary.BigEndian.AppendUint64(b, h.sealed)
	return append(b, h.name[:]...)
}

func parseHead(row []byte) (h head, sealed []byte, err error) {
	if len(row) < maxRow {
		return h, nil, disk.Damaged("blob of %d bytes", len(row))
	}
	h.due, h.sealed = int64(binary.BigEndian.Uint64(row)), binary.BigEndian.Uint64(row[8:])
	h.name = fileName(row[16:])
	return h, row[maxRow:], nil
}

func rowAAD(id ID, head []byte) []byte { return slices.Concat([]byte("blob"), id[:], head) }

func (i *Info) row(keys *crypto.Keyring, id ID, name fileName) []byte {
	h := head{sealed: i.sealedSize(), name: name}
	if !i.Due.IsZero() {
		h.due = max(i.Due.UnixMilli(), 1)
	}
	b := h.bytes()
	return append(b, keys.Seal(i.marshal(), rowAAD(id, b))...)
}

func (i *Info) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, i.Manifest[:])
	w.Bytes(2, i.Key[:])
	w.Uint(3, i.Size)
	w.Uint(4, uint64(i.Kind))
	w.Uint(5, uint64(i.manifestSize))
	w.Bytes(6, i.Pages.Marshal())
	w.Bytes(7, i.Chunks.Marshal())
	for k := range i.Places {
		w.Element(8, i.Places[k].marshal())
	}
	if i.Partial != nil {
		w.Element(9, i.Partial.marshal()) // even if it is empty
	}
	w.Uint(10, milliseconds(i.Made))
	w.Uint(11, milliseconds(i.Used))
	return w.Out()
}

func (p *Place) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, []byte(p.Path)) // which need not be UTF-8
	w.Uint(2, p.Size)
	w.Uint(3, uint64(p.Modified))
	w.Uint(4, flag(p.Original))
	w.Uint(5, flag(p.Whole))
	return w.Out()
}

func (p *Partial) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, []byte(p.Folder))
	w.Bytes(2, []byte(p.Part))
	w.Bytes(3, p.Chunks.Marshal())
	return w.Out()
}

func parseRow(keys *crypto.Keyring, id ID, row []byte) (i Info, h head, err error) {
	h, sealed, err := parseHead(row)
	if err != nil {
		return i, h, err
	}
	plain, err := keys.Open(sealed, rowAAD(id, row[:maxRow]))
	if err == nil {
		err = i.parse(plain)
	}
	if err != nil {
		return Info{}, h, disk.Damaged("blob: %w", err)
	}
	if h.due != 0 {
		i.Due = time.UnixMilli(h.due)
	}
	return i, h, nil
}

func (i *Info) parse(b []byte) error {
	r := canon.NewReader(b)
	i.Manifest, i.Key = crypto.Hash(r.Fixed(1, 32)), [32]byte(r.Fixed(2, 32))
	var kind, manifest uint64
	i.Size, kind, manifest = r.Uint(3), r.Uint(4), r.Uint(5)
	pages, chunks := r.Bytes(6, blob.MaxSet), r.Bytes(7, blob.MaxSet)
	places, partial := r.Repeated(8, MaxPlaces, maxPlace), r.Repeated(9, 1, maxPartial)
	i.Made, i.Used = moment(r.Uint(10)), moment(r.Uint(11))
	if err := r.End(); err != nil {
		return err
	}
	if i.Size > blob.MaxSize || kind > uint64(blob.Folder) || manifest > blob.MaxManifest {
		return fmt.Errorf("kind %d, %d bytes, %d of the manifest", kind, i.Size, manifest)
	}
	i.Kind, i.manifestSize, i.Proven = blob.Kind(kind), int(manifest), manifest > 0
	shape := blob.Shape{Size: i.Size}
	var err error
	if i.Pages, err = blob.ParseSet(pages, shape.Pages()); err != nil {
		return err
	}
	if i.Chunks, err = blob.ParseSet(chunks, shape.Chunks()); err != nil {
		return err
	}
	for _, b := range places {
		r := canon.NewReader(b)
		p := Place{Path: string(r.Bytes(1, maxPath)), Size: r.Uint(2), Modified: int64(r.Uint(3)), Original: r.Uint(4) == 1, Whole: r.Uint(5) == 1}
		if err := r.End(); err != nil {
			return err
		}
		i.Places = append(i.Places, p)
	}
	for _, b := range partial {
		i.Partial, err = parsePartial(b, shape)
	}
	return err
}

func parsePartial(b []byte, shape blob.Shape) (*Partial, error) {
	r := canon.NewReader(b)
	p := &Partial{Folder: string(r.Bytes(1, maxPath)), Part: string(r.Bytes(2, maxPart))}
	chunks := r.Bytes(3, blob.MaxSet)
	if err := r.End(); err != nil {
		return nil, err
	}
	var err error
	p.Chunks, err = blob.ParseSet(chunks, shape.Chunks())
	return p, err
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func milliseconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.UnixMilli(), 1))
}

func moment(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
