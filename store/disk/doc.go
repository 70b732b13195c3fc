// Package disk opens a data directory: its lock, its keyring file and its bbolt file. It knows how
// to protect them, and nothing of what is in them.
//
// A directory belongs to one user and one process. Open makes it and everything in it private, and
// refuses one that is not this user's. It takes the lock before it looks at anything else: two
// processes never have one file open, and a check never reads what another process writes. The
// keyring of a new person is written after an empty database, synced and renamed into place. A
// database with anything in it but without its keyring is refused, since a new identity in front of
// old data would be somebody else.
//
// bbolt trusts its file. On a damaged one it panics or faults, while opening also in goroutines of
// its own, where nothing can recover. So the file is first read with plain reads, and everything on
// which bbolt relies is checked. After a crash that is all of the file. A file that was closed ends
// with a list of its free pages, which says that nothing crashed since. Of such a file only the
// meta pages, the branches and that list are checked, about one page in a hundred. Damage in the
// other pages is found by the transaction that reads them: it fails, and nothing more is written. A
// file that is refused is not changed. A file that is mostly free is compacted before it is opened:
// copied, synced and renamed over the old one.
//
// Examine says what Open would find, for a person who asks what is wrong. It changes nothing.
//
// The types of bbolt in its exports are for store/tx, which hides them. Package store opens and
// closes the directory; the packages that keep buckets use its errors, and store/shelf its private
// files; nothing else may import it. All errors match a sentinel of errors.go or of crypto, or are
// the operating system's.
package disk
