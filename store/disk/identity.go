package disk

import (
	"bytes"
	"encoding/binary"
	"os"
)

// Identity tells a file from every copy of it, also from a copy that was put in its place. It has
// the file's number in the file system and, where that is known, when the file was made, since
// numbers are used again. It is nil where the file system is not known to keep the number of a
// file.
type Identity []byte

// Same reports whether two identities are of one file. When the file was made may be known to only
// one of them, since systems begin to tell it.
func (i Identity) Same(o Identity) bool {
	if len(i) != identitySize || len(o) != identitySize {
		return bytes.Equal(i, o)
	}
	made := func(i Identity) uint64 { return binary.BigEndian.Uint64(i[8:]) }
	return bytes.Equal(i[:8], o[:8]) && (made(i) == made(o) || made(i) == 0 || made(o) == 0)
}

const identitySize = 16

// IdentityOf returns the identity of a file.
func IdentityOf(path string) (Identity, error) {
	if !keepsNumbers(path) {
		return nil, nil
	}
	number, made, err := fileNumber(path)
	if err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, number), made), nil
}
