package server

import (
	"encoding/hex"
	"fmt"

	"github.com/earshot-im/earshot/node/localapi"
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

// eventIDs reads the IDs of one request.
func eventIDs(texts []string) ([]event.ID, error) {
	if len(texts) > localapi.MaxPage {
		return nil, fmt.Errorf("%w: more than %d messages at once", errInvalid, localapi.MaxPage)
	}
	ids := make([]event.ID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = eventID(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// optionalID is nil where there is no text.
func optionalID(text string) (*event.ID, error) {
	if text == "" {
		return nil, nil
	}
	id, err := eventID(text)
	return &id, err
}
