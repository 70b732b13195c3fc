package store

import (
	"context"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/engine"
	"github.com/earshot-im/earshot/store/tx"
)

// Examination is what Examine has found: of the keyring and of the database nil, or what is wrong.
type Examination = directory.Examination

// KeyringFile and DatabaseFile are the files of a directory of which an Examination speaks.
func KeyringFile(dir string) string  { return directory.KeyringFile(dir) }
func DatabaseFile(dir string) string { return directory.DatabaseFile(dir) }

// Held returns a *LockedError if a process has the directory, and changes nothing.
func Held(dir string) error { return directory.Held(dir) }

// Examine says what Open would find in a directory that no process has open, and why it would fail.
// It only reads: nothing is made, migrated or written, and a start meanwhile is not held up. The
// database matches ErrDamaged also where it is that of another keyring. Of the settings it returns
// those that are asked for, if they can be read. It fails with ErrLocked if another process has the
// directory, and if the directory can't be read.
func Examine(ctx context.Context, dir string, passphrase []byte, settings ...string) (Examination, error) {
	return directory.Examine(ctx, directory.Config{Dir: dir, Passphrase: passphrase}, func(x *Examination, s *engine.Snapshot) error {
		r := tx.NewReader(s)
		have, err := versionIn(r)
		if err != nil || have == 0 { // a first start that has crashed left nothing in it
			return err
		}
		if err := known(have, formatVersion); err != nil {
			return err
		}
		if x.Keys == nil {
			return nil
		}
		if _, err = maskIn(r, x.Keys); err != nil || have != formatVersion {
			return err
		}
		x.Settings = make(map[string]string)
		for _, name := range settings {
			if x.Settings[name], err = book.SettingIn(r, x.Keys, name); err != nil {
				return err
			}
		}
		return nil
	})
}
