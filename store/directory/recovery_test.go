package directory

import (
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// The recovery key is on the disk until its owner has its words on paper, and the keyring stays protected as it
// was.
func TestRecoveryIsForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		made, opened string // passphrases
		unopened     error  // by none
	}{
		"not protected":       {"", "", nil},
		"protected":           {"right", "right", crypto.ErrPassphraseNeeded},
		"given for no reason": {"", "right", nil},
	} {
		d := &directory{t: t, cfg: Config{Dir: t.TempDir(), Rand: rand.Reader, IdentityBucket: "b", IdentityKey: []byte("file"), Passphrase: []byte(test.made)}}
		d.open()
		made := *d.Recovery()
		d.close()
		d.cfg.Passphrase = []byte(test.opened)
		d.open()
		if got := d.Recovery(); got == nil || *got != made || d.Keyring.Recovery != nil {
			t.Fatalf("%s: kept is %v, in the keyring %v", name, got, d.Keyring.Recovery)
		}
		sealed := d.Keyring.Seal([]byte("text"), nil)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { must(t, d.ForgetRecovery()) })
		}
		both.Wait()
		if d.Recovery() != nil {
			t.Errorf("%s: it is kept", name)
		}
		b, err := os.ReadFile(d.path(keyringName))
		must(t, err)
		if _, err := crypto.ParseKeyring(b, nil); !errors.Is(err, test.unopened) {
			t.Errorf("%s: without a passphrase: %v", name, err)
		}
		k, err := crypto.ParseKeyring(b, []byte(test.opened))
		if err != nil || k.Recovery != nil || k.Device.ID() != d.Keyring.Device.ID() {
			t.Errorf("%s: on the disk: %v, recovery key %v", name, err, k.Recovery)
		}
		d.close()
		d.open()
		if text, err := d.Keyring.Open(sealed, nil); err != nil || string(text) != "text" || d.Recovery() != nil {
			t.Errorf("%s: opened again: %q, %v", name, text, err)
		}
		d.close()
	}
}

// A keyring that can't be read is left alone, and the recovery key is kept.
func TestRecoveryIsKeptAfterAnError(t *testing.T) {
	d := newDirectory(t)
	whole, err := os.ReadFile(d.path(keyringName))
	must(t, err)
	must(t, os.WriteFile(d.path(keyringName), whole[1:], 0o600))
	if err := d.ForgetRecovery(); !errors.Is(err, crypto.ErrDamaged) || d.Recovery() == nil {
		t.Errorf("%v", err)
	}
	if b, err := os.ReadFile(d.path(keyringName)); err != nil || len(b) != len(whole)-1 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	must(t, os.WriteFile(d.path(keyringName), whole, 0o600))
	must(t, d.ForgetRecovery())
}
