package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// maxWoken is how many events that waited one transaction places, so that nobody waits long for the
// writer however much waits for one event. It takes about 15 ms.
const maxWoken = 1024

// waking is a queue of placed events for which others may wait. Work that is too much for one
// transaction is left to the next. The queue is lost with the process; then Release finds the
// events that wait.
type waking struct {
	causes []woken
	from   []byte // rest of the key at which to go on with the first; nil: begin with it
}

// woken is an event that was placed.
type woken struct {
	prefix []byte  // of the keys in bucketWaiting of what waits for it
	until  release // for which other causes those still wait that are due
}

// causeKey is how the keys begin of what waits for an event.
func causeKey(conversation uint32, h *event.Header) []byte {
	return layout.WaitingFor(conversation, h.Device, h.Instance, h.Sequence)
}

// push adds an event that was placed. until is as in wakeFor.
func (w *waking) push(x *entry, until release) {
	w.causes = append(w.causes, woken{causeKey(x.in.Conversation, &x.header), until})
}

// wakeSome places what waits for the events in the queue, and what waits for that in turn, as far
// as one transaction may.
func (o *order) wakeSome() error {
	if !o.anything(&o.waits, bucketWaiting) {
		o.waking = waking{}
		return nil
	}
	w := &o.waking
	for len(w.causes) > 0 && o.woken < maxWoken {
		c := w.causes[0]
		k, _ := o.Seek(bucketWaiting, slices.Concat(c.prefix, w.from))
		if !bytes.HasPrefix(k, c.prefix) {
			w.causes, w.from = w.causes[1:], nil
			continue
		}
		k = bytes.Clone(k)
		w.from = after(k[len(c.prefix):])
		until := c.until
		if first := int64(layout.Number(o.Get(bucketWaiting, k))); !until.due(first, o.now) {
			until.wait = waitForAll
		}
		if err := o.placeWaiter(k, until, c.until); err != nil {
			return err
		}
	}
	return nil
}

// placeWaiter places the event that waits under a key, if it need not wait any longer by until.
// next is the until for the events that wait for this event in turn.
func (o *order) placeWaiter(key []byte, until, next release) error {
	o.woken++
	p, _ := layout.SlotAt(key)
	x, err := o.entry(p)
	if err == ErrNoEvent {
		err = damaged("an event that waits is not there")
	}
	if err != nil {
		return err
	}
	o.Delete(bucketWaiting, key)
	ok, err := o.place(x, until)
	if ok && err == nil {
		o.save(x)
		err = o.wakeFor(x, next)
	}
	return err
}

// after returns the key that follows another one immediately.
func after(key []byte) []byte { return append(bytes.Clone(key), 0) }
