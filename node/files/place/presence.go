package place

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// Presence is where all of an attachment is on this disk.
type Presence struct {
	Sealed   bool // on the shelf
	Saved    bool // somewhere else, as it seems as it was
	Original bool // the owner sends it in place, or did; Saved says whether it is there
}

// PresenceOf looks where a blob is.
func PresenceOf(i *shelf.Info) Presence {
	p := Presence{Sealed: i.Whole()}
	for _, at := range i.Places {
		p.Original = p.Original || at.Original
		p.Saved = p.Saved || at.Whole && Unchanged(i, at)
	}
	return p
}

// SavedIn reports whether it is whole in a folder, as it was saved, or is to be saved there.
func SavedIn(i *shelf.Info, folder string) bool {
	return slices.ContainsFunc(i.Places, func(p shelf.Place) bool {
		if !p.Whole {
			return p.Path == folder
		}
		return !p.Original && filepath.Dir(p.Path) == folder && Unchanged(i, p)
	})
}

// Unchanged reports whether what was saved, or is sent in place, seems to be as it was. Of a folder only that it is
// there.
func Unchanged(i *shelf.Info, p shelf.Place) bool {
	look := os.Lstat
	if p.Original { // it may be a link
		look = os.Stat
	}
	info, err := look(p.Path)
	if err != nil || info.IsDir() != (i.Kind == blob.Folder) {
		return false
	}
	return info.IsDir() || uint64(info.Size()) == p.Size && info.ModTime().UnixMilli() == p.Modified
}

// BytesOf is how many bytes some chunks of a stream have.
func BytesOf(size uint64, first, count int) uint64 {
	return min(uint64(first+count)*blob.ChunkSize, size) - uint64(first)*blob.ChunkSize
}

// BytesIn is how many bytes the chunks of a set have.
func BytesIn(size uint64, chunks *blob.Set) (n uint64) {
	for first, count := range chunks.Stretches() {
		n += BytesOf(size, first, count)
	}
	return n
}

// BytesHeld is how much of a stream is here, sealed or unfinished.
func BytesHeld(i *shelf.Info) uint64 {
	chunks := i.Chunks.Clone()
	if i.Partial != nil {
		for first, count := range i.Partial.Chunks.Stretches() {
			chunks.Add(first, count)
		}
	}
	return BytesIn(i.Size, &chunks)
}
