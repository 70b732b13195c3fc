// Package book keeps what is known about persons, and what the owner of the store has chosen:
// persons with their devices, signed records, requests of strangers, settings and cursors. It also
// counts what is kept for others, strangers by the link address by which they came, and refuses
// more than their budgets.
//
// It owns the buckets that Buckets lists, whose bytes store/FORMAT.md fixes, and shares the
// database and its one writer with the ledger, package store. Where one of its changes concerns the
// ledger, it says so through the interface Ledger. Names, addresses and texts that somebody typed
// are sealed under the key of the data directory.
//
// The book trusts its caller for what it keeps: cards and records have been verified. It does not
// know what a conversation is for, and takes no decision about anybody but counting: who is a
// contact, blocked or a member is what its caller says.
//
// Methods with a context write. They return when the change is on the disk, and if they return an
// error, nothing was changed. Methods that take a tx.Reader or a tx.Batch are for package store,
// which calls them in transactions of its own. All others may be called by anyone at any time, and
// return copies. A value that can't be read as it was written gives disk.ErrDamaged.
package book
