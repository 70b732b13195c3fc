package event

import (
	"bytes"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxCuts bounds the logs that one event lists, so that it fits a body. For a person with more
	// logs there are several events.
	MaxCuts = 512
	// MaxCutDevices bounds the devices whose logs one event lists: a card names no more.
	MaxCutDevices = crypto.MaxLinks
	// MaxLists bounds how many events a removal takes lists from. With its own list that is more
	// than 33,000 logs.
	MaxLists = 64
)

// CutList says where logs of somebody end, should they go. It ends none of them by itself: a
// removal or leave that names the list does.
type CutList struct {
	Person crypto.PersonID
	Cuts   []Position // as of Leave, at least one
}

func (CutList) Kind() Kind { return KindCuts }

func (c CutList) Marshal() ([]byte, error) {
	return marshalControl(c, func(w *canon.Writer) {
		w.Bytes(1, c.Person[:])
		writePositions(w, 2, c.Cuts)
	})
}

func parseCutList(r *canon.Reader) (c CutList, err error) {
	c.Person = crypto.PersonID(r.Fixed(1, 32))
	c.Cuts, err = parsePositions(r.Repeated(2, MaxCuts, maxPosition))
	return c, err
}

// CutsOf returns whose logs a control event lists, and where they end; nil if it lists none. A
// leave lists its author's.
func CutsOf(author crypto.PersonID, c Control) (crypto.PersonID, []Position) {
	switch c := c.(type) {
	case Leave:
		return author, c.Cuts
	case Remove:
		return c.Person, c.Cuts
	case CutList:
		return c.Person, c.Cuts
	}
	return crypto.PersonID{}, nil
}

// FitCuts returns how many of some cuts, which are sorted by log, one event can list.
func FitCuts(cuts []Position) int {
	devices := 0
	for i := range cuts[:min(len(cuts), MaxCuts)] {
		if i == 0 || cuts[i].Device != cuts[i-1].Device {
			devices++
		}
		if devices > MaxCutDevices {
			return i
		}
	}
	return min(len(cuts), MaxCuts)
}

func checkCuts(cuts []Position, lists []crypto.Hash) error {
	if len(cuts) > MaxCuts || len(lists) > MaxLists {
		return malformed("%d cuts and %d lists", len(cuts), len(lists))
	}
	for i := 1; i < len(lists); i++ {
		if bytes.Compare(lists[i-1][:], lists[i][:]) >= 0 {
			return malformed("lists out of order")
		}
	}
	if FitCuts(cuts) < len(cuts) {
		return malformed("cuts of too many devices")
	}
	return checkPositions(cuts)
}

func writeLists(w *canon.Writer, field int, lists []crypto.Hash) {
	for i := range lists {
		w.Element(field, lists[i][:])
	}
}

func parseLists(elements [][]byte) ([]crypto.Hash, error) {
	var out []crypto.Hash
	for _, b := range elements {
		if len(b) != len(crypto.Hash{}) {
			return nil, malformed("list of %d bytes", len(b))
		}
		out = append(out, crypto.Hash(b))
	}
	return out, nil
}
