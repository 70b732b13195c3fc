package crypto

import (
	"encoding/hex"
	"fmt"
)

// PersonID is the hash of a person's genesis. It outlives every device.
type PersonID [32]byte

// String returns 64 lower-case hexadecimal digits.
func (p PersonID) String() string { return hex.EncodeToString(p[:]) }

// ParsePersonID reads what String wrote, also if the letters were made capitals since.
func ParsePersonID(text string) (PersonID, error) {
	if len(text) != 2*len(PersonID{}) {
		return PersonID{}, fmt.Errorf("%w: a person ID has %d hexadecimal digits", ErrID, 2*len(PersonID{}))
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return PersonID{}, fmt.Errorf("%w: not hexadecimal", ErrID)
	}
	return PersonID(b), nil
}
