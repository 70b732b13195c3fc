// Package shelf keeps what this node has of files and folders: sealed copies of them, and where else
// on the owner's disk they are.
//
// It owns the buckets that Buckets lists and the files under blobs/ in the data directory, whose bytes
// store/FORMAT.md fixes, section "Kept files", and shares the database and its one writer with the
// ledger, package store. It does not know which messages name a blob, what is fetched from whom, nor
// how the owner's own files are written: it only notes what it is told of these.
//
// A Blob is all that is kept of one attachment: what proves it, which is a manifest and pages, its
// chunks, and Info. Parts are proven and sealed when they are put, and written at once; but they are
// held only when Commit has brought them to the disk and then said so in one transaction. A crash in
// between costs work and never makes anything untrue. A part that can't be read as it was written is
// not held any more: ErrNotHeld, and it may be put again.
//
// What is forgotten loses its row first, and with it its key, in one transaction with the reason for
// it. Its files go when that is on the disk: Run removes them, and those that a crash has left.
//
// All methods may be called by any goroutine at any time, but for those that take a tx.Batch, which
// are for package store. Nothing is locked while a file is read or written that others would need. The
// number of open files is bounded, but for those that wait for a Commit. What does not fit on the disk
// gives disk.ErrFull; what was held before is then still held.
package shelf
