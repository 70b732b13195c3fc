package crypto

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/earshot-im/earshot/crypto/canon"
)

// A keyring's bytes are
//
//	keyringMagic ‖ file ‖ SHA-256(keyringMagic ‖ file)
//
// and every later version keeps that, and field 1 of the file. As messages:
//
//	file {1: version, 2: protection (absent none, 1 passphrase), 3: Argon2id time,
//	      4: Argon2id memory in KiB, 5: Argon2id threads, 6: Argon2id salt, 7: keys}
//	keys {1: seed of the device key, 2: card, 3: entropy of the recovery key,
//	      4: repeated seal key {1: number, 2: key}}
//
// Under a passphrase, field 7 is nonce ‖ XChaCha20-Poly1305 of the keys, and fields 1 to 6,
// encoded, are its additional data.
const (
	keyringMagic   = "earshot keyring\n"
	keyringVersion = 1

	protectPassphrase = 1

	// MaxKeyring is the most bytes a keyring may have: the largest card and maxSealKeys fit twice
	// over.
	MaxKeyring = 64 << 10

	maxSealKeys  = 256 // one a month for twenty years
	sealKeySize  = 64  // at most, as a message
	argonSalt    = 16
	argonTime    = 3 // these three are the second choice of RFC 9106, section 4
	argonMemory  = 64 << 10
	argonThreads = 4

	// How much opening a keyring may cost at most, so that no file can use up the memory or take
	// for ever.
	maxArgonTime    = 10
	maxArgonMemory  = 256 << 10
	maxArgonThreads = 4
)

// protection says how field 7 of the file was encrypted, if it was.
type protection struct {
	kind, time, memory, threads uint64
	salt                        []byte
}

// Marshal returns the bytes of the keyring, protected if passphrase is not empty. Without one, they
// protect nothing from whoever can read them.
func (k Keyring) Marshal(passphrase []byte) ([]byte, error) {
	return k.marshal(rand.Reader, passphrase)
}

func (k Keyring) marshal(random io.Reader, passphrase []byte) ([]byte, error) {
	keys := k.marshalKeys()
	var p protection
	if len(passphrase) != 0 {
		p = protection{protectPassphrase, argonTime, argonMemory, argonThreads, make([]byte, argonSalt)}
		nonce := make([]byte, chacha20poly1305.NonceSizeX)
		for _, b := range [][]byte{p.salt, nonce} {
			if _, err := io.ReadFull(random, b); err != nil {
				return nil, fmt.Errorf("protect keyring: %w", err)
			}
		}
		keys = aead(p.key(passphrase)).Seal(nonce, nonce, keys, p.writer().Out())
	}
	w := p.writer()
	w.Bytes(7, keys)
	b := slices.Concat([]byte(keyringMagic), w.Out())
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func (p protection) writer() *canon.Writer {
	var w canon.Writer
	w.Uint(1, keyringVersion)
	w.Uint(2, p.kind)
	w.Uint(3, p.time)
	w.Uint(4, p.memory)
	w.Uint(5, p.threads)
	w.Bytes(6, p.salt)
	return &w
}

func (p protection) key(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, p.salt, uint32(p.time), uint32(p.memory), uint8(p.threads), chacha20poly1305.KeySize)
}

func (k Keyring) marshalKeys() []byte {
	var w canon.Writer
	w.Bytes(1, k.Device.private.Seed())
	w.Bytes(2, k.Card.Bytes())
	if k.Recovery != nil {
		w.Bytes(3, k.Recovery.entropy[:])
	}
	for _, s := range k.seals {
		var e canon.Writer
		e.Uint(1, uint64(s.number))
		e.Bytes(2, s.key[:])
		w.Element(4, e.Out())
	}
	return w.Out()
}

// ParseKeyring reads what Marshal wrote. The error matches ErrDamaged, ErrNewer,
// ErrPassphraseNeeded (passphrase is empty and should not be) or ErrWrongPassphrase. A passphrase
// for a keyring that has none is ignored.
func ParseKeyring(b, passphrase []byte) (Keyring, error) {
	file, err := openEnvelope(b)
	if err != nil {
		return Keyring{}, err
	}
	r := canon.NewReader(file)
	if version := r.Uint(1); version > keyringVersion {
		return Keyring{}, fmt.Errorf("keyring: %w: version %d, not %d", ErrNewer, version, keyringVersion)
	} else if version != keyringVersion {
		return Keyring{}, fmt.Errorf("%w: version %d", ErrDamaged, version)
	}
	p := protection{r.Uint(2), r.Uint(3), r.Uint(4), r.Uint(5), r.Optional(6, argonSalt)}
	keys := r.Bytes(7, MaxKeyring)
	if err := r.End(); err != nil {
		return Keyring{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := p.check(); err != nil {
		return Keyring{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if p.kind == protectPassphrase {
		if keys, err = p.unprotect(keys, passphrase); err != nil {
			return Keyring{}, err
		}
	}
	k, err := parseKeys(keys)
	switch {
	case errors.Is(err, ErrNewer):
		return Keyring{}, fmt.Errorf("card in keyring: %w", ErrNewer)
	case err != nil:
		return Keyring{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return k, nil
}

// openEnvelope checks what surrounds the file message, which it returns.
func openEnvelope(b []byte) ([]byte, error) {
	const around = len(keyringMagic) + sha256.Size
	if len(b) < around || string(b[:len(keyringMagic)]) != keyringMagic {
		return nil, fmt.Errorf("%w: not a keyring", ErrDamaged)
	}
	if len(b) > MaxKeyring {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrDamaged, MaxKeyring)
	}
	end := len(b) - sha256.Size
	if sha256.Sum256(b[:end]) != [sha256.Size]byte(b[end:]) {
		return nil, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	return b[len(keyringMagic):end], nil
}

func (p protection) check() error {
	switch {
	case p.kind == 0:
		if p.time != 0 || p.memory != 0 || p.threads != 0 || p.salt != nil {
			return fmt.Errorf("a key derivation without protection")
		}
	case p.kind != protectPassphrase:
		return fmt.Errorf("unknown protection %d", p.kind)
	case p.salt == nil:
		return fmt.Errorf("no salt")
	case p.time < 1 || p.time > maxArgonTime,
		p.threads < 1 || p.threads > maxArgonThreads,
		p.memory < 8*p.threads || p.memory > maxArgonMemory:
		return fmt.Errorf("key derivation with time %d, memory %d KiB, threads %d", p.time, p.memory, p.threads)
	}
	return nil
}

func (p protection) unprotect(sealed, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphraseNeeded
	}
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, fmt.Errorf("%w: no nonce", ErrDamaged)
	}
	nonce, sealed := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	keys, err := aead(p.key(passphrase)).Open(nil, nonce, sealed, p.writer().Out())
	if err != nil {
		return nil, ErrWrongPassphrase
	}
	return keys, nil
}

func parseKeys(b []byte) (Keyring, error) {
	r := canon.NewReader(b)
	seed := r.Fixed(1, ed25519.SeedSize)
	card := r.Bytes(2, MaxCard)
	entropy := r.Optional(3, len(Recovery{}.entropy))
	seals := r.Repeated(4, maxSealKeys, sealKeySize)
	if err := r.End(); err != nil {
		return Keyring{}, err
	}
	k := Keyring{Device: DeviceKey{ed25519.NewKeyFromSeed(seed)}}
	if card != nil {
		var err error
		if k.Card, err = ParseCard(card); err != nil {
			return Keyring{}, err
		}
	}
	if entropy != nil {
		k.Recovery = &Recovery{[32]byte(entropy)}
	}
	var last uint64
	for _, s := range seals {
		r := canon.NewReader(s)
		number, key := r.Uint(1), r.Fixed(2, chacha20poly1305.KeySize)
		if err := r.End(); err != nil {
			return Keyring{}, fmt.Errorf("seal key: %w", err)
		}
		if number <= last || number != uint64(uint32(number)) {
			return Keyring{}, fmt.Errorf("seal key %d after %d", number, last)
		}
		last = number
		k.seals = append(k.seals, sealKey{uint32(number), [chacha20poly1305.KeySize]byte(key)})
	}
	if len(k.seals) == 0 {
		return Keyring{}, fmt.Errorf("no seal key")
	}
	return k, nil
}
