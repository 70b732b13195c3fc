package isolate

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
)

// Check returns nil where this process is in a network namespace from which nothing gets out: not
// in that of process 1, and with no way to the rest of the world. Where it can't be found out, it
// is ErrOutside as well.
func Check() error {
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutside, err)
	}
	// A user who may not look into process 1 is not in its namespaces, or has no rights in them: the
	// routes tell.
	if first, err := os.Readlink("/proc/1/ns/net"); err == nil && first == ours {
		return ErrOutside
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutside, err)
	}
	for _, r := range routes {
		if r.Gw != nil || r.Dst == nil {
			return fmt.Errorf("%w: it has a route to elsewhere", ErrOutside)
		}
		if ones, _ := r.Dst.Mask.Size(); ones == 0 {
			return fmt.Errorf("%w: it has a route to everywhere", ErrOutside)
		}
	}
	return nil
}
