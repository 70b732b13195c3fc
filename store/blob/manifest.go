package blob

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

// MaxManifest bounds any manifest in bytes: MaxPages of 34 bytes, and the numbers before them.
const MaxManifest = MaxPages*(leafSize+2) + 32

// version is that of all formats of this package.
const version = 1

// Kind says what a stream stands for.
type Kind uint8

const (
	File   Kind = 1
	Folder Kind = 2
)

// Manifest is what proves a stream.
type Manifest struct {
	Kind  Kind
	Size  uint64        // of the stream
	Index uint64        // of a folder: the size of the index, with which the stream begins
	Pages []crypto.Hash // of each page
}

// Shape is how the stream is cut.
func (m *Manifest) Shape() Shape { return Shape{m.Size} }

// Marshal returns the bytes of the manifest.
func (m *Manifest) Marshal() []byte {
	var w canon.Writer
	w.Uint(1, version)
	w.Uint(2, uint64(m.Kind))
	w.Uint(3, m.Size)
	w.Uint(4, m.Index)
	for i := range m.Pages {
		w.Element(5, m.Pages[i][:])
	}
	return w.Out()
}

// Hash is what an attachment names the manifest by.
func (m *Manifest) Hash() crypto.Hash { return crypto.Digest(domainManifest, m.Marshal()) }

// ParseManifest takes the manifest that has a hash. The errors are ErrProof and ErrMalformed.
func ParseManifest(b []byte, hash crypto.Hash) (Manifest, error) {
	if len(b) > MaxManifest {
		return Manifest{}, malformed("manifest of %d bytes", len(b))
	}
	if crypto.Digest(domainManifest, b) != hash {
		return Manifest{}, ErrProof
	}
	r := canon.NewReader(b)
	v, kind := r.Uint(1), r.Uint(2)
	m := Manifest{Kind: Kind(kind), Size: r.Uint(3), Index: r.Uint(4)}
	pages := r.Repeated(5, MaxPages, leafSize)
	if err := r.End(); err != nil {
		return Manifest{}, malformed("manifest: %w", err)
	}
	switch {
	case v != version:
		return Manifest{}, malformed("manifest of version %d", v)
	case kind != uint64(File) && kind != uint64(Folder):
		return Manifest{}, malformed("manifest of kind %d", kind)
	case m.Size > MaxSize:
		return Manifest{}, malformed("stream of %d bytes", m.Size)
	case m.Kind == File && m.Index != 0, m.Index > min(m.Size, MaxIndex), m.Kind == Folder && m.Index == 0 && m.Size > 0:
		return Manifest{}, malformed("index of %d bytes", m.Index)
	case len(pages) != m.Shape().Pages():
		return Manifest{}, malformed("%d pages for %d bytes", len(pages), m.Size)
	}
	m.Pages = make([]crypto.Hash, len(pages))
	for i, p := range pages {
		if len(p) != leafSize {
			return Manifest{}, malformed("hash of a page of %d bytes", len(p))
		}
		m.Pages[i] = crypto.Hash(p)
	}
	return m, nil
}
