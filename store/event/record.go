package event

import (
	"bytes"
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxSubject bounds the subject of a record in bytes: three or four IDs.
	MaxSubject = 128
	// MaxValue bounds the value of a record in bytes: a receipt with all its segments takes about
	// 14 KiB.
	MaxValue = 16 << 10

	maxRecord = MaxValue + MaxSubject + 128
)

// RecordKind says what a record is about. Those without a name here are kept and forwarded; 3 is
// reserved for prekeys.
type RecordKind uint64

const (
	KindProfile  RecordKind = 1
	KindReceipt  RecordKind = 2
	KindHoldings RecordKind = 4
)

// Record is the latest value that a device has signed on one subject. It comes from NewRecord or
// ParseRecord and must not be changed.
type Record struct {
	Device    crypto.DeviceID
	Card      crypto.Hash // head of the card of the device's person
	Kind      RecordKind
	Subject   []byte
	Counter   uint64 // from 1
	Value     []byte
	Bytes     []byte // as they were signed
	Signature []byte // not checked before Verify
}

// NewRecord encodes the fields of r and signs them. It fills in Device, Bytes and Signature.
func NewRecord(key crypto.DeviceKey, r Record) (Record, error) {
	r.Device = key.ID()
	if err := r.check(); err != nil {
		return Record{}, err
	}
	r.Bytes = r.marshal()
	r.Signature = key.Sign(domainRecord, r.Bytes)
	return r, nil
}

// ParseRecord parses a record, with its signature. The result aliases both. The signature is not
// checked.
func ParseRecord(b, signature []byte) (Record, error) {
	if len(b) > maxRecord || len(signature) != crypto.SignatureSize {
		return Record{}, malformed("record of %d bytes, signature of %d", len(b), len(signature))
	}
	r := canon.NewReader(b)
	if v := r.Uint(1); v > version {
		return Record{}, fmt.Errorf("%w: record version %d", ErrVersion, v)
	} else if v != version {
		return Record{}, malformed("record without version")
	}
	rec := Record{
		Device:    crypto.DeviceID(r.Fixed(2, 32)),
		Card:      crypto.Hash(r.Fixed(3, 32)),
		Kind:      RecordKind(r.Uint(4)),
		Subject:   r.Bytes(5, MaxSubject),
		Counter:   r.Uint(6),
		Value:     r.Bytes(7, MaxValue),
		Bytes:     b,
		Signature: signature,
	}
	if err := r.End(); err != nil {
		return Record{}, malformed("record: %w", err)
	}
	if err := rec.check(); err != nil {
		return Record{}, err
	}
	return rec, nil
}

func (r *Record) marshal() []byte {
	var w canon.Writer
	w.Uint(1, version)
	w.Bytes(2, r.Device[:])
	w.Bytes(3, r.Card[:])
	w.Uint(4, uint64(r.Kind))
	w.Bytes(5, r.Subject)
	w.Uint(6, r.Counter)
	w.Bytes(7, r.Value)
	return w.Out()
}

// check holds a record, wherever it came from, to its limits and a known kind to its form.
func (r *Record) check() error {
	switch {
	case r.Kind < 1:
		return malformed("record without a kind")
	case len(r.Subject) > MaxSubject:
		return malformed("record: subject of %d bytes", len(r.Subject))
	case r.Counter < 1 || r.Counter > MaxInteger:
		return malformed("record: counter %d", r.Counter)
	case len(r.Value) > MaxValue:
		return malformed("record: value of %d bytes", len(r.Value))
	}
	var err error
	switch r.Kind {
	case KindProfile:
		if len(r.Subject) != profileSubjectSize {
			return malformed("profile: subject of %d bytes", len(r.Subject))
		}
		_, err = ParseProfile(r.Value)
	case KindReceipt:
		if len(r.Subject) != receiptSubjectSize {
			return malformed("receipt: subject of %d bytes", len(r.Subject))
		}
		_, err = ParseReceipt(r.Value)
	case KindHoldings:
		if len(r.Subject) != receiptSubjectSize {
			return malformed("holdings: subject of %d bytes", len(r.Subject))
		}
		_, err = ParseHoldings(r.Value)
	}
	return err
}

// Verify reports whether the device that the record names signed it.
func (r *Record) Verify() bool {
	return crypto.Verify(r.Device, domainRecord, r.Bytes, r.Signature)
}

// Hash returns D("record", bytes), which tells two records of one counter apart.
func (r *Record) Hash() crypto.Hash { return crypto.Digest(domainRecord, r.Bytes) }

// Newer reports whether a replaces b. Both must be of one device, kind and subject.
func Newer(a, b Record) bool {
	if a.Counter != b.Counter {
		return a.Counter > b.Counter
	}
	x, y := a.Hash(), b.Hash()
	return bytes.Compare(x[:], y[:]) > 0
}
