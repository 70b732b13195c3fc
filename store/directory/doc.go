// Package directory opens a data directory: its lock, its keyring file and its database.
//
// A directory belongs to one user and one process. Open makes it and everything in it private, and
// refuses one that is not this user's. It takes the lock before it looks at anything else: two
// processes never have one file open. The keyring of a new person is written after an empty
// database, synced and renamed into place. A database with anything in it but without its keyring
// is refused, since a new identity in front of old data would be somebody else.
//
// Examine says what Open would find, for a person who asks what is wrong. It changes nothing.
//
// Only package store and tests below it may import it. All errors match a sentinel of package disk
// or of crypto, or are the operating system's.
package directory
