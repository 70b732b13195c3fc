package book

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

func settingAAD(name string) []byte { return []byte("setting" + name) }

// SetSetting keeps a value under a name that the program has chosen. An empty value removes it.
// then are called as tx.Batch.Then says.
func (k *Book) SetSetting(ctx context.Context, name, value string, then ...func()) error {
	return k.do(ctx, func(b *tx.Batch) error {
		if value == "" {
			b.Delete(bucketSettings, []byte(name))
		} else {
			b.Put(bucketSettings, []byte(name), k.cfg.Keyring.Seal([]byte(value), settingAAD(name)))
		}
		k.cfg.Ledger.NoteSettings(b)
		thenAll(b, then)
		return nil
	})
}

// Setting returns a value, empty if there is none.
func (k *Book) Setting(name string) (value string, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		value, err = SettingIn(r, k.cfg.Keyring, name)
		return err
	})
	return value, err
}

// SettingIn is Setting of a database that nobody has open.
func SettingIn(r *tx.Reader, keys *crypto.Keyring, name string) (string, error) {
	v := r.Get(bucketSettings, []byte(name))
	if v == nil {
		return "", nil
	}
	plain, err := keys.Open(v, settingAAD(name))
	if err != nil {
		return "", disk.Damaged("setting: %w", err)
	}
	return string(plain), nil
}

const cursorSize = 16 // bytes of the key of a cursor: too many for two names to share them

// cursorKey hides the name of a cursor, which somebody typed.
func (k *Book) cursorKey(name string) []byte {
	h := hmac.New(sha256.New, k.cfg.Mask[:])
	h.Write([]byte(name))
	return h.Sum(nil)[:cursorSize]
}

// SetCursor keeps how far a named reader has followed the arrivals.
func (k *Book) SetCursor(ctx context.Context, name string, n uint64) error {
	return k.do(ctx, func(b *tx.Batch) error {
		b.Put(bucketCursors, k.cursorKey(name), u64(n))
		return nil
	})
}

// Cursor returns what SetCursor kept, 0 if it has kept nothing.
func (k *Book) Cursor(name string) (n uint64, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		n = number(r.Get(bucketCursors, k.cursorKey(name)))
		return nil
	})
	return n, err
}
