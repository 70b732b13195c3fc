// Package layout fixes the keys and values of the ledger: how conversations, logs and events stand
// in the database, as store/FORMAT.md has it in its section "Database". Package store says which
// bucket has which of them.
//
// Everything here is pure: no transactions, no files, no clock, and bodies stay sealed. Bytes and
// key functions return new slices. Parse functions refuse values of the wrong size, which only
// damage can bring, with disk.ErrDamaged. They don't compare a value with others. Their results may
// alias the value, and are then valid as long as its transaction is.
//
// Only package store may import it.
package layout
