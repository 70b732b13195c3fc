package book

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// maxReceipts bounds how many store instances of one device may have a receipt, or holdings, on one subject. A
// device begins a new instance when it is restored, and nobody restores it that often.
const maxReceipts = 16

const recordFixed = 8 + crypto.SignatureSize // the counter and the signature

func recordPrefix(kind event.RecordKind, subject []byte) []byte {
	return append(u64(uint64(kind)), subject...)
}

func recordKey(kind event.RecordKind, subject []byte, device crypto.DeviceID) []byte {
	return append(recordPrefix(kind, subject), device[:]...)
}

func (k *Book) putRecord(b *tx.Batch, r *event.Record) {
	digest := crypto.Digest("record", r.Bytes)
	v := binary.BigEndian.AppendUint64(make([]byte, 0, recordFixed+len(r.Bytes)+crypto.SealOverhead+len(digest)), r.Counter)
	v = append(v, r.Signature...)
	v = append(v, k.cfg.Keyring.Seal(r.Bytes, digest[:])...)
	b.Put(bucketRecords, recordKey(r.Kind, r.Subject, r.Device), append(v, digest[:]...))
	if r.Kind == event.KindProfile && r.Device == k.cfg.Keyring.Device.ID() {
		k.cfg.Ledger.NoteSettings(b)
	}
}

func (k *Book) parseRecord(v []byte) (event.Record, error) {
	if len(v) < recordFixed+len(crypto.Hash{}) {
		return event.Record{}, disk.Damaged("record of %d bytes", len(v))
	}
	sealed, digest := v[recordFixed:len(v)-len(crypto.Hash{})], v[len(v)-len(crypto.Hash{}):]
	plain, err := k.cfg.Keyring.Open(sealed, digest)
	if err != nil {
		return event.Record{}, disk.Damaged("record: %w", err)
	}
	record, err := event.ParseRecord(plain, bytes.Clone(v[8:recordFixed]))
	if err != nil {
		return event.Record{}, disk.Damaged("record: %w", err)
	}
	return record, nil
}

// PutRecord keeps a record if it is newer than what is held of its device, kind and subject, and
// reports whether it was. The caller has verified the record, and has found that its device speaks
// for the right person. ErrBudget: there are too many of its kind.
func (k *Book) PutRecord(ctx context.Context, r event.Record) (newer bool, err error) {
	err = k.do(ctx, func(b *tx.Batch) (err error) {
		newer, err = k.putNewer(b, &r)
		return err
	})
	return newer, err
}

// PutRecords is PutRecord for several records in one transaction. Those for which there is no budget
// are left out.
func (k *Book) PutRecords(ctx context.Context, records []event.Record) error {
	return k.do(ctx, func(b *tx.Batch) error {
		for i := range records {
			if _, err := k.putNewer(b, &records[i]); err != nil && err != ErrBudget {
				return err
			}
		}
		return nil
	})
}

// putNewer is PutRecord in a batch. Where it fails with ErrBudget it has changed nothing.
func (k *Book) putNewer(b *tx.Batch, r *event.Record) (bool, error) {
	old := b.Get(bucketRecords, recordKey(r.Kind, r.Subject, r.Device))
	if old != nil {
		held, err := k.parseRecord(old)
		if err != nil || !event.Newer(*r, held) {
			return false, err
		}
	}
	had, unknown := sizeOfRecord(old), false
	switch r.Kind {
	case event.KindProfile:
	case event.KindReceipt, event.KindHoldings:
		if old == nil && receipts(&b.Reader, r) >= maxReceipts {
			return false, ErrBudget
		}
	default:
		unknown = true
		if n := number(b.Get(bucketBudgets, []byte{budgetRecords})); n+costRecord+uint64(len(r.Bytes)) > recordsBudget+uint64(had) {
			return false, ErrBudget
		}
	}
	if err := k.chargeRecord(b, r, had); err != nil {
		return false, err
	}
	if unknown {
		if err := spendRecord(b, had, costRecord+len(r.Bytes)); err != nil {
			return false, err
		}
	}
	k.putRecord(b, r)
	return true, nil
}

// sizeOfRecord returns what counts of a record in the bucket; nothing of none.
func sizeOfRecord(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return costRecord + len(v) - recordFixed - crypto.SealOverhead - len(crypto.Hash{})
}

// chargeRecord counts a record towards the budget of the person whose device has signed it, if that
// person is kept.
func (k *Book) chargeRecord(b *tx.Batch, r *event.Record, had int) error {
	by, now := k.PersonOf(&b.Reader, r.Device), costRecord+len(r.Bytes)
	switch {
	case by == crypto.PersonID{} || now == had:
		return nil
	case now < had:
		return k.Refund(b, Payer{Person: by}, uint64(had-now))
	}
	return k.Charge(b, Payer{Person: by}, uint64(now-had))
}

// receipts counts the records of a record's kind and device on its subject, whichever store instance they
// are of.
func receipts(r *tx.Reader, of *event.Record) (n int) {
	subject := of.Subject[:len(of.Subject)-len(event.Instance{})]
	for key := range r.Prefix(bucketRecords, recordPrefix(of.Kind, subject)) {
		if bytes.HasSuffix(key, of.Device[:]) {
			n++
		}
	}
	return n
}

// SignRecord signs a record of this device with a higher counter than what is held of its kind and
// subject, and keeps it. Where what is held has the same value and was signed under the same card,
// it is returned as it is. then are called as tx.Batch.Then says.
func (k *Book) SignRecord(ctx context.Context, kind event.RecordKind, subject, value []byte, then ...func(event.Record)) (out event.Record, err error) {
	err = k.do(ctx, func(b *tx.Batch) (err error) {
		if out, err = k.Sign(b, kind, subject, value); err != nil {
			return err
		}
		for _, f := range then {
			b.Then(func() { f(out) })
		}
		return nil
	})
	return out, err
}

// Sign is SignRecord in a batch of the caller.
func (k *Book) Sign(b *tx.Batch, kind event.RecordKind, subject, value []byte) (event.Record, error) {
	device := k.cfg.Keyring.Device
	r := event.Record{Card: k.cfg.Keyring.Card.Head(), Kind: kind, Subject: subject, Counter: 1, Value: value}
	if v := b.Get(bucketRecords, recordKey(kind, subject, device.ID())); v != nil {
		held, err := k.parseRecord(v)
		if err != nil || bytes.Equal(held.Value, value) && held.Card == r.Card {
			return held, err
		}
		r.Counter = held.Counter + 1
	}
	signed, err := event.NewRecord(device, r)
	if err == nil {
		k.putRecord(b, &signed)
	}
	return signed, err
}

// Signed reports whether this device has signed a record of a kind and subject.
func (k *Book) Signed(b *tx.Batch, kind event.RecordKind, subject []byte) bool {
	return b.Get(bucketRecords, recordKey(kind, subject, k.cfg.Keyring.Device.ID())) != nil
}

// Put is PutRecord in a batch of the caller, who is also given what was held. Where it fails with ErrBudget it
// has changed nothing.
func (k *Book) Put(b *tx.Batch, r *event.Record) (newer bool, old *event.Record, err error) {
	if v := b.Get(bucketRecords, recordKey(r.Kind, r.Subject, r.Device)); v != nil {
		held, err := k.parseRecord(v)
		if err != nil {
			return false, nil, err
		}
		old = &held
	}
	newer, err = k.putNewer(b, r)
	return newer, old, err
}

// Records returns the records of a kind, by all devices, whose subject begins with the given bytes,
// in the order of subject and device.
func (k *Book) Records(kind event.RecordKind, subject []byte) (out []event.Record, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) (err error) {
		out, err = k.RecordsIn(r, kind, subject)
		return err
	})
	return out, err
}

// RecordsIn is Records in a transaction of the caller.
func (k *Book) RecordsIn(r *tx.Reader, kind event.RecordKind, subject []byte) (out []event.Record, err error) {
	for _, v := range r.Prefix(bucketRecords, recordPrefix(kind, subject)) {
		record, err := k.parseRecord(v)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(record.Subject, subject) {
			out = append(out, record)
		}
	}
	return out, nil
}
