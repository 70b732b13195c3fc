package event

import (
	"bytes"
	"cmp"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxHeldRanges and MaxHeldStates bound the two lists of holdings.
	MaxHeldRanges = 64
	MaxHeldStates = 96

	maxHeldElement = 128 // bytes; a range takes at most 60, a state 87
)

// FileState is what has become of an attachment at a reader's device.
type FileState uint8

const (
	FileOffered  FileState = iota
	FileFetching           // it is being fetched, or waits for its turn
	FilePaused
	FileHeld     // it is there whole, or was
	FileDeclined // the reader doesn't want it
	FileChanged  // nobody could give what the message names: the original is another one now

	endOfFileStates
)

// Holdings is the value of a KindHoldings record: what has become, at the device that signs it, of the
// attachments of what somebody has written in a conversation. Both lists ascend by device, instance and
// place; no range touches another of its log, and what is in one has no state.
type Holdings struct {
	Held   []HeldRange
	States []HeldState
}

// HeldRange is a part of a log of the conversation: all attachments of the messages in it are held.
type HeldRange struct {
	Device   crypto.DeviceID
	Instance Instance
	Range
}

// HeldState is what has become of the attachments of one message.
type HeldState struct {
	Device   crypto.DeviceID
	Instance Instance
	Sequence uint64
	States   []FileState // of each attachment; at least one
}

// Log returns the log that the range is of.
func (r *HeldRange) Log(c Conversation) Log {
	return Log{Conversation: c, Device: r.Device, Instance: r.Instance}
}

// Log returns the log that the message stands in.
func (s *HeldState) Log(c Conversation) Log {
	return Log{Conversation: c, Device: s.Device, Instance: s.Instance}
}

// Marshal returns the value. NewRecord checks it.
func (h Holdings) Marshal() []byte {
	var w canon.Writer
	for i := range h.Held {
		r := &h.Held[i]
		var e canon.Writer
		e.Bytes(1, r.Device[:])
		e.Bytes(2, r.Instance[:])
		e.Uint(3, r.First)
		e.Uint(4, r.Last)
		w.Element(1, e.Out())
	}
	for i := range h.States {
		s := &h.States[i]
		states := make([]byte, len(s.States))
		for k, state := range s.States {
			states[k] = byte(state)
		}
		var e canon.Writer
		e.Bytes(1, s.Device[:])
		e.Bytes(2, s.Instance[:])
		e.Uint(3, s.Sequence)
		e.Bytes(4, states)
		w.Element(2, e.Out())
	}
	return w.Out()
}

// ParseHoldings takes the value of a KindHoldings record.
func ParseHoldings(value []byte) (Holdings, error) {
	r := canon.NewReader(value)
	held := r.Repeated(1, MaxHeldRanges, maxHeldElement)
	states := r.Repeated(2, MaxHeldStates, maxHeldElement)
	if err := r.End(); err != nil {
		return Holdings{}, malformed("holdings: %w", err)
	}
	var h Holdings
	for _, b := range held {
		if err := h.parseRange(b); err != nil {
			return Holdings{}, err
		}
	}
	for _, b := range states {
		if err := h.parseState(b); err != nil {
			return Holdings{}, err
		}
	}
	return h, h.checkApart()
}

func (h *Holdings) parseRange(b []byte) error {
	r := canon.NewReader(b)
	g := HeldRange{
		Device:   crypto.DeviceID(r.Fixed(1, 32)),
		Instance: Instance(r.Fixed(2, 8)),
		Range:    Range{First: r.Uint(3), Last: r.Uint(4)},
	}
	if err := r.End(); err != nil {
		return malformed("holdings: %w", err)
	}
	if g.First < 1 || g.First > g.Last || g.Last > MaxInteger {
		return malformed("holdings: range from %d to %d", g.First, g.Last)
	}
	if n := len(h.Held); n > 0 {
		before := &h.Held[n-1]
		if order := compareLogs(before.Device, g.Device, before.Instance, g.Instance); order > 0 || order == 0 && before.Last+1 >= g.First {
			return malformed("holdings: ranges out of order")
		}
	}
	h.Held = append(h.Held, g)
	return nil
}

func (h *Holdings) parseState(b []byte) error {
	r := canon.NewReader(b)
	s := HeldState{
		Device:   crypto.DeviceID(r.Fixed(1, 32)),
		Instance: Instance(r.Fixed(2, 8)),
		Sequence: r.Uint(3),
	}
	states := r.Bytes(4, MaxAttachments)
	if err := r.End(); err != nil {
		return malformed("holdings: %w", err)
	}
	if s.Sequence < 1 || s.Sequence > MaxInteger || len(states) == 0 {
		return malformed("holdings: %d states at %d", len(states), s.Sequence)
	}
	s.States = make([]FileState, len(states))
	for i, state := range states {
		if s.States[i] = FileState(state); s.States[i] >= endOfFileStates {
			return malformed("holdings: state %d", state)
		}
	}
	if n := len(h.States); n > 0 {
		before := &h.States[n-1]
		if cmp.Or(compareLogs(before.Device, s.Device, before.Instance, s.Instance), cmp.Compare(before.Sequence, s.Sequence)) >= 0 {
			return malformed("holdings: states out of order")
		}
	}
	h.States = append(h.States, s)
	return nil
}

// checkApart refuses a state of a message that stands in a range.
func (h *Holdings) checkApart() error {
	held := h.Held
	for i := range h.States {
		s := &h.States[i]
		for len(held) > 0 && cmp.Or(compareLogs(held[0].Device, s.Device, held[0].Instance, s.Instance), cmp.Compare(held[0].Last, s.Sequence)) < 0 {
			held = held[1:]
		}
		if len(held) > 0 && held[0].Device == s.Device && held[0].Instance == s.Instance && held[0].First <= s.Sequence {
			return malformed("holdings: a state of what is held")
		}
	}
	return nil
}

// compareLogs orders two logs of one conversation.
func compareLogs(a, b crypto.DeviceID, i, j Instance) int {
	return cmp.Or(bytes.Compare(a[:], b[:]), bytes.Compare(i[:], j[:]))
}
