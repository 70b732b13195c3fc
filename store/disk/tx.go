package disk

import (
	"errors"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// View runs f in a transaction that reads.
func (d *Disk) View(f func(*bbolt.Tx) error) error {
	return d.guard(func() error { return d.db.View(f) })
}

// Write runs f in a transaction that writes. f commits it; otherwise it is rolled back. Only one
// goroutine may write at a time. After damage was met nothing is written any more. After ErrFull,
// what was there before is there, and the next transaction may find room.
func (d *Disk) Write(f func(*bbolt.Tx) error) error {
	if d.broken.Load() {
		return Damaged("met before")
	}
	return d.guard(func() (err error) {
		if d.tx, err = d.db.Begin(true); err != nil {
			return err
		}
		defer d.tx.Rollback() // nothing after a commit
		err = AsFull(f(d.tx))
		d.written = d.written || err == nil
		return err
	})
}

// Close lets go of the directory. All transactions must have ended. A database that was written is
// closed with a list of its free pages, so that the next start needn't look for them. The first
// commit of the next run takes the list away again, so a file that has the list was closed and
// nothing has crashed since.
func (d *Disk) Close() error {
	if d.tx != nil && d.tx.DB() != nil { // it could not be rolled back, and holds a lock of bbolt
		return errors.Join(Damaged("left open"), d.lock.Close())
	}
	if d.db == nil {
		return d.lock.Close()
	}
	if d.written && !d.broken.Load() {
		d.writeFreelist()
	}
	return errors.Join(d.db.Close(), d.lock.Close())
}

// writeFreelist writes the list of free pages. If it fails, the next start has to look for them.
func (d *Disk) writeFreelist() {
	d.db.NoFreelistSync = false
	d.Write(func(tx *bbolt.Tx) error { return tx.Commit() })
}

// Reclaim gives back the memory that opening has taken after a crash: bbolt then looks for the free
// pages by a walk through its map of the file, all of which stays in memory until the file is
// closed. Call it when it is certain that this database is wanted, since it changes the file, and
// while no transaction is open.
func (d *Disk) Reclaim() (err error) {
	if !d.crashed {
		return nil
	}
	path := d.db.Path()
	d.writeFreelist()
	if err := d.db.Close(); err != nil {
		return err
	}
	d.crashed, d.written = false, false
	d.db, err = openDatabase(path, options())
	return err
}

// guard has f fail with ErrDamaged where bbolt panics or faults because of damage in pages that
// were not read when the file was opened.
func (d *Disk) guard(f func() error) (err error) {
	defer recovered(&err, func() { d.broken.Store(true) })()
	return f()
}

// recovered turns faults of this goroutine into panics until the function that it returns is
// called. That one turns a panic into ErrDamaged.
func recovered(err *error, then func()) func() {
	was := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(was)
		if r := recover(); r != nil {
			*err = Damaged("%v", r)
			then()
		}
	}
}
