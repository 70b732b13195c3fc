package store

import (
	"bytes"
	"slices"
)

// maxWoken is how many events that waited one transaction places, so that nobody waits long for the writer, however much
// waits for one event: about 15 ms.
const maxWoken = 1024

// waking is what was placed and may have others wait for it, in order. What is too much for one transaction is left to
// the next. It belongs to the writer, and is lost with the process: then Release finds who waits.
type waking struct {
	causes []woken
	from   []byte // the key at which the first is gone on with; nil: its first
}

// woken is an event that was placed.
type woken struct {
	prefix []byte  // of the keys of what waits for it
	until  release // how patient that is
}

// push adds an event that was placed. What is due by until does not wait longer than that says.
func (w *waking) push(x *entry, until release) {
	h := &x.header
	w.causes = append(w.causes, woken{waitingFor(x.in.conversation, h.Device, h.Instance, h.Sequence), until})
}

// wakeSome places what waits for what was placed, and what waits for that, as far as this transaction may.
func (b *batch) wakeSome() error {
	if !b.anything(&b.waiting, bucketWaiting) {
		b.waking = waking{}
		return nil
	}
	w := &b.waking
	for len(w.causes) > 0 && b.woken < maxWoken {
		c := w.causes[0]
		k, _ := b.Seek(bucketWaiting, slices.Concat(c.prefix, w.from))
		if !bytes.HasPrefix(k, c.prefix) {
			w.causes, w.from = w.causes[1:], nil
			continue
		}
		k = bytes.Clone(k)
		w.from = after(k[len(c.prefix):])
		until := c.until
		if first := int64(number(b.Get(bucketWaiting, k))); !until.due(first, b.now) {
			until.wait = waitForAll
		}
		if err := b.placeWaiter(k, until, c.until); err != nil {
			return err
		}
	}
	return nil
}

// placeWaiter places what waits under a key, if it need not wait on. What waits for it in turn is woken as patiently as
// next says.
func (b *batch) placeWaiter(key []byte, until, next release) error {
	b.woken++
	p, _ := slotAt(key)
	x, err := b.entry(p)
	if err == ErrNoEvent {
		err = damaged("an event that waits is not there")
	}
	if err != nil {
		return err
	}
	b.Delete(bucketWaiting, key)
	ok, err := b.place(x, until)
	if ok && err == nil {
		b.save(x)
		b.wakeFor(x, next)
	}
	return err
}

// after returns the key that comes next after one.
func after(key []byte) []byte { return append(bytes.Clone(key), 0) }
