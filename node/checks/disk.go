package checks

import "time"

const (
	// SlowSync is from where on a sync is slow. A message is one sync, so with this there are ten
	// commits a second; a disk with turning plates takes a fifth of it.
	SlowSync = 100 * time.Millisecond

	// nearly is how many times the bytes that are kept for the owner must be free so that the disk
	// does not count as nearly full.
	nearly = 2
)

// Storage is what was found of the disk under a directory.
type Storage struct {
	Dir   string
	Known bool // that the two below are
	Free  uint64
	Kept  uint64        // below which nothing of others is taken
	Read  error         // of reading the directory
	Write error         // of writing a small file there, and of its syncs
	No    string        // why nothing can be written, if that is known: Full or ReadOnly
	Sync  time.Duration // the middle of some; 0: none was made
}

// OfDisk judges the disk. Several things may be wrong with it.
func OfDisk(s Storage) []Check {
	values := Values{Free: s.Free, Needed: s.Kept, Sync: s.Sync, Limit: SlowSync}
	var out []Check
	wrong := func(code string, err error) {
		c := Check{Check: Disk, Code: code, About: s.Dir, Values: values}
		if err != nil {
			c.Detail = err.Error()
		}
		out = append(out, c)
	}
	switch {
	case s.Read != nil:
		wrong(Unreadable, s.Read)
	case s.Write != nil && s.No == ReadOnly:
		wrong(ReadOnly, s.Write)
	case s.Write != nil && s.No == "":
		wrong(Unreadable, s.Write)
	}
	switch {
	case s.No == Full, s.Known && s.Free < s.Kept:
		wrong(Full, s.Write)
	case s.Known && s.Free < nearly*s.Kept:
		values.Needed = nearly * s.Kept
		wrong(NearlyFull, nil)
	}
	if s.Sync >= SlowSync {
		wrong(Slow, nil)
	}
	if out == nil {
		return []Check{{Check: Disk, OK: true, About: s.Dir, Values: values}}
	}
	return out
}
