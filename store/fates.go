package store

import (
	"bytes"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// fate takes in what has become of the attachments of one message at a device, unless there is no such
// message for this person. It notes in now what it has found.
func (f *files) fate(c *layout.Conversation, by crypto.PersonID, device crypto.DeviceID, s *event.HeldState, now map[layout.Slot]bool) error {
	branches, err := f.branches(c.Number, s.Log(c.ID))
	if err != nil {
		return err
	}
	for _, l := range branches {
		at := l.At(s.Sequence)
		mine, err := f.mine(at, by)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		now[at] = true
		if err := f.putFate(at, device, s.States, false); err != nil {
			return err
		}
	}
	return nil
}

func fateKey(at layout.Slot, device crypto.DeviceID) []byte {
	return append(at.Append(make([]byte, 0, layout.SlotSize+len(device))), device[:]...)
}

// putFate keeps what has become of a message's attachments at a device. What was held is held; with
// ended, what was declined is declined as well, and all else is as if it had never been said.
func (f *files) putFate(at layout.Slot, device crypto.DeviceID, states []event.FileState, ended bool) error {
	key := fateKey(at, device)
	old := f.Get(bucketFates, key)
	b := make([]byte, max(len(states), len(old)))
	for i := range b {
		if i < len(states) {
			b[i] = byte(states[i])
		}
		if i < len(old) && (old[i] == byte(event.FileHeld) || ended && old[i] == byte(event.FileDeclined)) {
			b[i] = old[i]
		}
	}
	switch {
	case bytes.Equal(b, old):
		return nil
	case len(bytes.Trim(b, "\x00")) == 0:
		f.Delete(bucketFates, key)
	default:
		f.Put(bucketFates, key, b)
	}
	more := false
	for i, now := range b {
		final := now == byte(event.FileHeld) || now == byte(event.FileDeclined)
		more = more || final && (i >= len(old) || old[i] != now)
	}
	f.noteEvent(at)
	if more {
		return f.took(at)
	}
	return nil
}

// forgetFates takes away what others say of an own event whose words go.
func (f *files) forgetFates(at layout.Slot) {
	keys, _ := f.Copy(bucketFates, at.Bytes())
	for _, k := range keys {
		f.Delete(bucketFates, k)
	}
}

// moveFates takes it along, to where the event stands now.
func (f *files) moveFates(from, to layout.Slot) {
	keys, values := f.Copy(bucketFates, from.Bytes())
	for i, k := range keys {
		f.Delete(bucketFates, k)
		f.Put(bucketFates, fateKey(to, crypto.DeviceID(k[layout.SlotSize:])), values[i])
	}
}

// unsaid takes in that a device says no more what had become of a message's attachments: it has not
// changed for long, or they are offered as before. What is final stays.
func (f *files) unsaid(c *layout.Conversation, device crypto.DeviceID, s *event.HeldState, now map[layout.Slot]bool) error {
	branches, err := f.branches(c.Number, s.Log(c.ID))
	if err != nil {
		return err
	}
	for _, l := range branches {
		if at := l.At(s.Sequence); !now[at] && f.Get(bucketFates, fateKey(at, device)) != nil {
			if err := f.putFate(at, device, nil, true); err != nil {
				return err
			}
		}
	}
	return nil
}
