package store

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// maxReceipts bounds how many stores of one device may have a receipt on one subject:
// more than anybody restores.
const maxReceipts = 16

const recordFixed = 8 + crypto.SignatureSize

func recordPrefix(kind event.RecordKind, subject []byte) []byte {
	return append(u64(uint64(kind)), subject...)
}

func recordKey(kind event.RecordKind, subject []byte, device crypto.DeviceID) []byte {
	return append(recordPrefix(kind, subject), device[:]...)
}

func (b *batch) putRecord(r *event.Record) {
	digest := crypto.Digest("record", r.Bytes)
	v := binary.BigEndian.AppendUint64(make([]byte, 0, recordFixed+len(r.Bytes)+crypto.SealOverhead+len(digest)), r.Counter)
	v = append(v, r.Signature...)
	v = append(v, b.s.disk.Keyring.Seal(r.Bytes, digest[:])...)
	b.Put(bucketRecords, recordKey(r.Kind, r.Subject, r.Device), append(v, digest[:]...))
	b.visible = true
}

func (r *reader) parseRecord(v []byte) (event.Record, error) {
	if len(v) < recordFixed+len(crypto.Hash{}) {
		return event.Record{}, damaged("record of %d bytes", len(v))
	}
	sealed, digest := v[recordFixed:len(v)-len(crypto.Hash{})], v[len(v)-len(crypto.Hash{}):]
	plain, err := r.s.disk.Keyring.Open(sealed, digest)
	if err != nil {
		return event.Record{}, damaged("record: %w", err)
	}
	record, err := event.ParseRecord(plain, bytes.Clone(v[8:recordFixed]))
	if err != nil {
		return event.Record{}, damaged("record: %w", err)
	}
	return record, nil
}

// PutRecord keeps a record if it is newer than what is held of its device, kind and
// subject, and reports whether it was. The caller has verified it and found that its
// device speaks for whom it should. ErrBudget: there are too many of its kind.
func (s *Store) PutRecord(ctx context.Context, r event.Record) (newer bool, err error) {
	err = s.do(ctx, func(b *batch) error {
		newer = false
		old := b.Get(bucketRecords, recordKey(r.Kind, r.Subject, r.Device))
		if old != nil {
			held, err := b.parseRecord(old)
			if err != nil || !event.Newer(r, held) {
				return err
			}
		}
		switch r.Kind {
		case event.KindProfile:
		case event.KindReceipt:
			if old == nil && b.receipts(&r) >= maxReceipts {
				return ErrBudget
			}
		default:
			if err := b.spendRecord(len(old), len(r.Bytes)+costEvent); err != nil {
				return err
			}
		}
		b.putRecord(&r)
		newer = true
		return nil
	})
	return newer, err
}

// receipts counts the receipts that a device has on the subject of one, for any store.
func (b *batch) receipts(r *event.Record) int {
	n := 0
	subject := r.Subject[:len(r.Subject)-len(event.Instance{})]
	b.each(bucketRecords, recordPrefix(r.Kind, subject), func(k, _ []byte) error {
		if bytes.HasSuffix(k, r.Device[:]) {
			n++
		}
		return nil
	})
	return n
}

// SignRecord signs a record of this device above whatever is held of its kind and
// subject, and keeps it. If that has the same value, it is returned as it is.
func (s *Store) SignRecord(ctx context.Context, kind event.RecordKind, subject, value []byte) (event.Record, error) {
	var out event.Record
	err := s.do(ctx, func(b *batch) (err error) {
		out, err = b.signRecord(kind, subject, value)
		return err
	})
	return out, err
}

func (b *batch) signRecord(kind event.RecordKind, subject, value []byte) (event.Record, error) {
	own := &b.s.own
	r := event.Record{Card: own.Card.Head(), Kind: kind, Subject: subject, Counter: 1, Value: value}
	if v := b.Get(bucketRecords, recordKey(kind, subject, own.Device.ID())); v != nil {
		held, err := b.parseRecord(v)
		if err != nil || bytes.Equal(held.Value, value) && held.Card == r.Card {
			return held, err
		}
		r.Counter = held.Counter + 1
	}
	signed, err := event.NewRecord(own.Device, r)
	if err == nil {
		b.putRecord(&signed)
	}
	return signed, err
}

// Records returns the records of a kind, by all devices, whose subject begins with
// the given bytes, in the order of subject and device.
func (s *Store) Records(kind event.RecordKind, subject []byte) ([]event.Record, error) {
	var out []event.Record
	err := s.view(func(r *reader) error {
		return r.each(bucketRecords, recordPrefix(kind, subject), func(_, v []byte) error {
			record, err := r.parseRecord(v)
			if err == nil && bytes.HasPrefix(record.Subject, subject) {
				out = append(out, record)
			}
			return err
		})
	})
	return out, err
}
