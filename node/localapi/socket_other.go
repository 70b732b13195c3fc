//go:build !linux

package localapi

import "fmt"

func shortAddress(dir string) (address string, release func(), err error) {
	return "", nil, fmt.Errorf("%w: %s", ErrPathTooLong, dir)
}
