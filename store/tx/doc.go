// Package tx reads and writes the database of a data directory, which store/engine keeps on the disk. It is
// the only way to it.
//
// A database is a set of buckets, each named. A bucket maps keys to values, sorted by key as bytes,
// and has a sequence, a number that only grows. A Reader sees one snapshot of all buckets, the same
// from its beginning to its end, and keeps nobody from writing. A Batch is a Reader that also
// collects changes; all of them reach the disk together or none does. Readers offer no cursors: a
// loop over a bucket gets its keys in order and must not change the bucket.
//
// All changes go through one Writer. Callers hand it functions (Do, Submit), from any goroutine,
// and it runs as many as are waiting in one Batch, so that they share one sync of the disk. Of what
// others have brought (SubmitBy) it takes no more into a Batch than batchBytes, from each in turns.
// It answers when the batch is durable. Where a function fails after it has changed something,
// the batch is undone and the others run again without it: a function must be ready to run more
// than once. Update is for the time before the Writer runs, when a database is opened, filled or
// migrated.
//
// Keys and values that a Reader returns are valid until its transaction ends, and must not be
// changed. When the database turns out to be damaged, the transaction fails with disk.ErrDamaged
// and nothing is written any more.
//
// Only package store and the packages that keep buckets beside it, such as store/book, may import
// it.
package tx
