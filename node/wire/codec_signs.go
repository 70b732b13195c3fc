package wire

import (
	"fmt"

	"github.com/earshot-im/earshot/crypto/canon"
)

func (m *Typing) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Uint(2, flag(m.On))
	return w.Out()
}

func parseTyping(b []byte) (*Typing, error) {
	r := canon.NewReader(b)
	m := &Typing{Tag: r.Optional(1, tagSize)}
	on, err := parseFlag(r, 2)
	m.On = on
	return m, err
}

func (m *Presence) marshal() []byte {
	var w canon.Writer
	w.Uint(1, flag(m.Away))
	return w.Out()
}

func parsePresence(b []byte) (*Presence, error) {
	away, err := parseFlag(canon.NewReader(b), 1)
	return &Presence{Away: away}, err
}

// flag returns 1 for true, as a field that is 0 or 1 has it.
func flag(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

// parseFlag reads such a field, the last of its message.
func parseFlag(r *canon.Reader, field int) (bool, error) {
	v := r.Uint(field)
	if err := r.End(); err != nil {
		return false, err
	}
	if v > 1 {
		return false, fmt.Errorf("%w: flag %d", canon.ErrEncoding, v)
	}
	return v == 1, nil
}
