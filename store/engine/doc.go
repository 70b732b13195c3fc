// Package engine keeps buckets of sorted keys on the disk: a bbolt file, and in front of it a journal.
//
// A batch is written to the journal with one sync. Then it is in a table in memory, and everybody sees it who
// begins to read: in a clone of the table, or, where nobody reads it, in the table itself.
// When the journal's file is full, or after half a minute, the table is frozen, another takes its place, and a
// checkpoint writes the frozen one into bbolt, in several transactions. Until the last of them it stands in
// front of the database, so nobody sees a part of it. Its journal may be overwritten then. So there are at
// most two tables. Where both are full, a batch waits while the checkpoint proceeds. If there is no room on
// the disk for that, it fails with disk.ErrFull, and what was there before is there.
//
// A Snapshot has both tables and a transaction of bbolt, all of one moment. It keeps nobody from writing,
// and nobody keeps it from reading, but for the moment in which a few changes are made in the table.
//
// After the next start the tables are made from the journal. That does not need a checkpoint, nor room on
// the disk. Nothing is read of the database but its first pages and the list of its free ones. bbolt trusts
// its file: on a damaged one it panics or faults. That fails the read with disk.ErrDamaged, and nothing
// more is written.
//
// A sync that fails is final. The system may have forgotten what was to be written, so trying again proves
// nothing. The batch fails with disk.ErrUnknown, the engine with it: it only reads from then on.
//
// Callers write one batch at a time. The types of bbolt are seen nowhere else.
package engine
