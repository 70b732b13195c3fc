// Package disk opens a data directory: its lock, its keyring file and its bbolt
// file. It knows what protects them and nothing of what is in them.
//
// A directory belongs to one user and one process. Open makes it and everything in
// it private, refuses one that is not this user's, and takes the lock before it looks
// at anything else, so two processes never have one file open and a check never
// reads what another writes. The keyring is on disk, synced and renamed into place,
// before the database exists; a database without its keyring is refused, because a
// new identity in front of old data would be somebody else.
//
// bbolt trusts its file: on a damaged one it panics or faults, when it opens one also
// in goroutines of its own, where nothing can recover. So before it gets the file that
// is read with plain reads, and everything checked that bbolt relies on: all of it
// after a crash; metas, branches and the list of free pages, one page in a hundred, if
// Close has left that list, which says that nothing crashed since. Damage in the pages
// between is found when a transaction reads them: it fails, and nothing more is
// written. Nothing of a refused file is changed. A file that is mostly free is
// compacted before it is opened: copied, synced and renamed over the old one.
//
// Only package store may import it. All errors match a sentinel of errors.go or of
// crypto, or are the operating system's.
package disk
