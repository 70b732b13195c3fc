package link

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestSystemWatches: the system asks for the other machine at both ends of a link.
func TestSystemWatches(t *testing.T) {
	ours, theirs := newHost(t, nil, "/ip4/127.0.0.1/tcp/0"), newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	connect(t, ours, theirs)
	if s, err := ours.NewStream(t.Context(), theirs.ID(), echoProto); err != nil { // so both have the link
		t.Fatal(err)
	} else {
		echo(t, s, []byte("hello"))
	}
	for _, h := range []*Host{ours, theirs} {
		for _, c := range h.Conns() {
			var u *unsent
			if !c.As(&u) {
				t.Fatal("not a link")
			}
			for name, want := range map[string]struct{ level, option, value int }{
				"asks":           {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				"asks after":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 8},
				"asks again":     {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1},
				"asks so often":  {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
				"confirm within": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 13000},
			} {
				if err := u.system.Control(func(fd uintptr) {
					if got, err := unix.GetsockoptInt(int(fd), want.level, want.option); got != want.value {
						t.Errorf("%s: %d, %v, not %d", name, got, err, want.value)
					}
				}); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
