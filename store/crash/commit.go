package crash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Commit calls commit, which commits one transaction of bbolt to the file of this name or makes the
// file, and records what bbolt has written. It returns the error of commit, or that of FailAt: from the
// first of its two calls without having called commit, from the second after all was written. Nosync
// says that bbolt was opened with NoSync. Commit must be around everything that writes the file; commit
// must not call the recorder.
//
// The order is that of Tx.Commit in bbolt 1.5.0: the file grows and is synced, also with NoSync; the
// pages are written and synced; one of the two meta pages is written and synced. NoGrowSync isn't known
// here. A file that wasn't there, or had no database in it, is written at once and synced.
func (r *Recorder) Commit(name string, nosync bool, commit func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.next(); err != nil {
		return err
	}
	err := commit()
	how, fault := r.next()
	ops, problem := r.written(name)
	for i, o := range ops {
		if o.kind == syncFile {
			if err != nil || nosync && ops[i-1].kind != truncate {
				continue
			}
			o.failed = how != All && i == len(ops)-1
		}
		r.record(o)
	}
	if err == nil {
		err = fault
	}
	if problem != nil {
		return errors.Join(err, problem)
	}
	return err
}

// written finds out what a commit has done to the file of this name.
func (r *Recorder) written(name string) ([]op, error) {
	b, err := os.ReadFile(filepath.Join(string(r.dir), name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // the commit has failed; otherwise whoever opens it next will tell
	} else if err != nil {
		return nil, err
	}
	const firstMeta = 16 + 4 + 4 // page header, magic, version
	if len(b) < firstMeta+4 {
		return nil, fmt.Errorf("%s is no file of bbolt", name)
	}
	page := int(binary.NativeEndian.Uint32(b[firstMeta:]))
	if page < sectorSize || page%sectorSize != 0 || len(b) < 2*page {
		return nil, fmt.Errorf("%s is no file of bbolt", name)
	}
	id, known := r.now.now[name]
	does := func(k kind, at int64, data []byte) op { return op{kind: k, name: name, file: id, at: at, data: data} }
	if !known {
		id = len(r.now.files)
		return []op{does(create, 0, nil), does(write, 0, b), does(syncFile, 0, nil)}, nil
	}
	f := r.now.files[id]
	var ops []op
	switch {
	case len(f.sectors) == 0 || f.sectors[0] == nil: // was no database yet
		return []op{does(write, 0, b), does(syncFile, 0, nil)}, nil
	case int64(len(b)) < f.size:
		return nil, fmt.Errorf("%s has shrunk", name)
	case int64(len(b)) > f.size:
		ops = append(ops, does(truncate, int64(len(b)), nil), does(syncFile, 0, nil))
	}
	changed := func(i int) bool {
		now := b[i*sectorSize : (i+1)*sectorSize]
		if i >= len(f.sectors) {
			return newSector(now) != nil
		}
		return !bytes.Equal(now, f.sectors[i].bytes())
	}
	writes := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			start := i
			for i < to && changed(i) {
				i++
			}
			if i > start {
				ops = append(ops, does(write, int64(start*sectorSize), b[start*sectorSize:i*sectorSize]))
				n++
			}
		}
		return n
	}
	sectors := page / sectorSize
	if writes(2*sectors, len(b)/sectorSize) > 0 {
		ops = append(ops, does(syncFile, 0, nil))
	}
	first, second := writes(0, sectors), writes(sectors, 2*sectors)
	if first > 0 && second > 0 {
		return nil, fmt.Errorf("%s has had more than one transaction", name)
	}
	if first+second > 0 {
		ops = append(ops, does(syncFile, 0, nil))
	}
	return ops, nil
}
