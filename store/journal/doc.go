// Package journal makes batches of changes durable with one write and one sync each, before they are in the
// database. store/FORMAT.md has the bytes, in its section "Journal".
//
// A journal is two files of one size, filled with zeros when they are made, so that a record later changes
// nothing of a file but content. Records are written one after the other into one of them. Turn ends that:
// the next record begins the other file, over what is there. Whoever turns knows that the database has what
// was in that one.
//
// Each record names the one before it, so what is read at the next start is either what was written, from
// the last batch that the database has to the last one that was acknowledged, or it is refused. A record is
// synced before the next one is written. So only the last one may be torn by a crash. One that is wrong
// though a later one is right was damaged.
//
// The sums are made with a secret of this database. Nobody who has something put into the journal can have
// it look like a record.
//
// A Journal is for one goroutine.
package journal
