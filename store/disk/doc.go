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
// bbolt trusts its file: on a damaged one it faults, in goroutines of its own, where
// nothing can recover. So the whole file is walked first with plain reads, page by
// page, everything checked that bbolt relies on. Nothing of a refused file is
// changed. The walk also counts what is in use, and a file that is mostly free is
// compacted before it is opened: copied, synced and renamed over the old one.
//
// Only package store may import it. All errors match a sentinel of errors.go or of
// crypto, or are the operating system's.
package disk
