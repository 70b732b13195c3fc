// Package changes is the journal of what has changed: for each subject that a batch of the ledger
// has changed, it says at which N of the change counter that was last so. Whoever has followed the
// changes up to some N, and comes back, finds here what has changed since.
//
// It owns two buckets, whose bytes store/FORMAT.md fixes. A subject is a part of a log, a
// conversation, a person or the owner's settings. Each stands in the journal once, at its latest N:
// what it said before is taken out when it changes again. Logs change in long ranges, since one
// acknowledgement may be about thousands of messages, so a range is one entry; a newer range takes
// away what it overlaps of older ones. What arrives, messages and notices, doesn't stand here: the
// ledger has indexes of arrivals.
//
// The package doesn't know what a change means, nor what is in a log. Only package store may call
// it, in its transactions. A value that can't be read gives disk.ErrDamaged, and what can't be
// written fails the batch.
package changes
