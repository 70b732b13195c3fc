package server

import (
	"encoding/hex"
	"fmt"

	"github.com/earshot-im/earshot/store/event"
)

// eventID reads an ID, which is 64 hexadecimal digits.
func eventID(text string) (event.ID, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(event.ID{}) {
		return event.ID{}, fmt.Errorf("%w: a message ID has %d hexadecimal digits", errInvalid, 2*len(event.ID{}))
	}
	return event.ID(b), nil
}

// optionalID is nil where there is no text.
func optionalID(text string) (*event.ID, error) {
	if text == "" {
		return nil, nil
	}
	id, err := eventID(text)
	return &id, err
}
