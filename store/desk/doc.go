// Package desk keeps what the owner has set for each conversation, and what they have begun to write
// there.
//
// It owns the buckets that Buckets lists, whose bytes store/FORMAT.md fixes, and shares the database
// and its one writer with the ledger, package store. Everything is kept by the ID of the conversation,
// so that a draft to somebody lasts to whom nothing was ever said. What was typed, and what was set, is
// sealed under the key of the data directory.
//
// The package doesn't know what is in a conversation, nor what a setting is good for. It is called by
// package store only, in its transactions. A value that can't be read as it was written gives
// disk.ErrDamaged.
package desk
