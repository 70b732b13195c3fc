package localapi

import (
	"fmt"
	"os"
)

// shortAddress names the socket by an open descriptor of its directory.
func shortAddress(dir string) (address string, release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { d.Close() }, nil
}
