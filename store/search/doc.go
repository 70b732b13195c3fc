// Package search keeps the text of messages in a form in which it can be searched quickly: the
// search cache, one file whose bytes store/FORMAT.md fixes in its section "Search cache".
//
// The cache is derived. It has the folded text (store/fold) of the rows of the ledger, in blocks of
// rows that arrived one after the other, each sealed as a whole: to open a block costs little more
// than to open one message. Whoever fills it reads the ledger from [Cache.Last] on, and says later
// which rows have other words now, so that those that are gone are overwritten. A cache that is
// missing, damaged, of another store or of a later time than the ledger is begun anew. Nothing is
// lost by that, so only [Cache.Follow] syncs to the disk: words that are gone must not come back.
//
// [Cache.Find] looks through the blocks, those with the latest messages first, on two processors. It
// finds candidates: the ledger decides whether a row is still there, what it says now, and whether
// it may be shown.
//
// One goroutine at a time may add to a cache or change it; any may search meanwhile. Errors are those
// of the file system. What can't be read is told as ErrDamaged, and the cache is begun anew by Reset.
package search
