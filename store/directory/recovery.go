package directory

import (
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
)

// Recovery returns the recovery key, nil if it is not kept any more.
func (d *Directory) Recovery() *crypto.Recovery { return d.recovery.Load() }

// ForgetRecovery puts a keyring without the recovery key in place of the one that is there, protected as that
// is. After an error the old one is there. Any goroutine may call it.
func (d *Directory) ForgetRecovery() error {
	d.rewriting.Lock()
	defer d.rewriting.Unlock()
	if d.recovery.Load() == nil {
		return nil
	}
	if err := d.rewriteKeyring(func(k *crypto.Keyring) { k.Recovery = nil }); err != nil {
		return disk.AsFull(fmt.Errorf("write keyring: %w", err))
	}
	d.recovery.Store(nil)
	return nil
}

// rewriteKeyring changes the keyring on the disk.
func (d *Directory) rewriteKeyring(change func(*crypto.Keyring)) error {
	b, err := disk.ReadFile(d.files, keyringName, crypto.MaxKeyring)
	if err != nil {
		return err
	}
	passphrase := d.passphrase
	if _, err := crypto.ParseKeyring(b, nil); err == nil { // the passphrase was given for nothing
		passphrase = nil
	}
	k, err := parseKeyring(b, passphrase)
	if err != nil {
		return err
	}
	change(&k)
	if b, err = k.Marshal(passphrase); err != nil {
		return err
	}
	return disk.WriteFile(d.files, keyringName, b)
}
