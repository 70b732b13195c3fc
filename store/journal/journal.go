package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/earshot-im/earshot/store/disk"
)

// Names are the names of the two files.
var Names = [2]string{"journal.0", "journal.1"}

// Create makes both files, of so many bytes each, or fills anew what is there. Their names are durable when
// the directory was synced.
func Create(files disk.Files, size int64) error {
	for _, name := range Names {
		f, err := files.Open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
		if err != nil {
			return err
		}
		err = fill(f, 0, size)
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	return nil
}

// fill overwrites a part of a file with zeros, and syncs it.
func fill(f disk.File, from, to int64) error {
	zeros := make([]byte, min(1<<20, to-from))
	for ; from < to; from += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Journal is an open journal.
type Journal struct {
	key     Key
	files   [2]disk.File
	size    int64  // of each file
	active  int    // the file into which records are written
	begun   uint64 // the number of the first record in it
	end     int64  // where the next record begins; 0: it begins the file
	last    Link   // the last batch that is known
	written uint64
}

// Replay is what Open has found after the last batch that is in the database.
type Replay struct {
	Link
	Body []byte

	// Old is set for those in the file that was written before the other one.
	Old bool
}

// Last is what the database says of the journal.
type Last struct {
	Link // the last batch that the database has

	// Journaled is the number of a batch: the journal has this one or a later one.
	Journaled uint64
}

// Open opens both files, and has replay take every batch that the database does not have, in their order. A
// body is valid until replay returns. The files are opened with flag; if that lets them be written, all that is
// replayed is durable. The error matches disk.ErrDamaged where a file is missing, or a batch that was written,
// or one is not as it was written.
func Open(files disk.Files, flag int, key Key, last Last, replay func(Replay) error) (j *Journal, err error) {
	j = &Journal{key: key, last: last.Link}
	defer func() {
		if err != nil {
			j.Close()
			j = nil
		}
	}()
	for i, name := range Names {
		f, err := files.Open(name, flag)
		if errors.Is(err, fs.ErrNotExist) {
			return j, disk.Damaged("%s is missing", name)
		}
		if err != nil {
			return j, fmt.Errorf("open journal: %w", err)
		}
		j.files[i] = f
		size, err := f.Size()
		if err == nil && (size < HeaderSize || i > 0 && size != j.size) {
			err = disk.Damaged("%s has %d bytes", name, size)
		}
		if err != nil {
			return j, err
		}
		j.size = size
	}
	return j, j.read(last, flag&(os.O_WRONLY|os.O_RDWR) != 0, replay)
}

// Written returns the number of the last batch that stands in the journal, 0 if there is none.
func (j *Journal) Written() uint64 { return j.written }

// Last returns the last batch that was written, or that the database has.
func (j *Journal) Last() Link { return j.last }

// Room returns how many bytes the body of the next record may have.
func (j *Journal) Room() int64 { return max(0, j.size-j.end-HeaderSize) }

// Most returns how many bytes it may have where it begins a file.
func (j *Journal) Most() int64 { return j.size - HeaderSize }

// Active returns which of the two files the next record is written to.
func (j *Journal) Active() int { return j.active }

// Turn has the next record begin the other file. What is there must be in the database. Where nothing was
// written since the last Turn, the database must not say that anything is journaled: a crash may tear the
// next record, and then nothing shows up to where the journal went.
func (j *Journal) Turn() { j.active, j.end = 1-j.active, 0 }

// Skip notes a batch that was written to the database, as all before it, and not to the journal. The next
// record does not go into the file that was written last: that one shows up to where the journal went.
func (j *Journal) Skip(l Link) {
	j.last = l
	if j.end > 0 {
		j.Turn()
	}
}

// Append writes a record and syncs it. The first HeaderSize bytes of it are overwritten, the others are its
// body, for which there must be room. An error that matches disk.ErrFull says that nothing was written; after
// any other nobody knows whether the record is there, and nothing more may be written.
func (j *Journal) Append(record []byte) error {
	number := j.last.Number + 1
	begun := j.begun
	if j.end == 0 {
		begun = number
	}
	sum := j.key.seal(record, begun, number, j.last.Sum)
	if err := j.write(record, j.end); err != nil {
		return err
	}
	j.begun, j.last, j.written = begun, Link{number, sum}, number
	j.end += int64(len(record))
	return nil
}

// write writes to the active file, and syncs it.
func (j *Journal) write(b []byte, at int64) error {
	if n, err := j.files[j.active].WriteAt(b, at); err != nil {
		if n == 0 { // as file systems need room that copy on write
			err = disk.AsFull(err)
		}
		return fmt.Errorf("write journal: %w", err)
	}
	if err := j.files[j.active].Sync(); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}

// Wipe overwrites the other file, which the next record does not begin, with zeros. What is there must be in
// the database, and that must not say any more that it is journaled. It may run while a record is written.
func (j *Journal) Wipe(active int) error { return fill(j.files[1-active], 0, j.size) }

// Close closes the files.
func (j *Journal) Close() (err error) {
	for _, f := range j.files {
		if f == nil {
			continue
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	return err
}

// content reads a whole file into b.
func (j *Journal) content(i int, b []byte) error {
	if n, err := j.files[i].ReadAt(b, 0); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read journal: %w", err)
	}
	return nil
}
