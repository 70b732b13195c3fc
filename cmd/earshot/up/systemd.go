package up

import (
	"net"
	"os"
)

// notifySocket is the variable in which systemd says where a unit of the type notify tells that it is
// ready (sd_notify(3)).
const notifySocket = "NOTIFY_SOCKET"

// tellSystemd says that the node is ready, if systemd has started it and wants to know. A socket that
// can't be reached is as good as none: systemd goes on waiting, and says so.
func tellSystemd() {
	path := os.Getenv(notifySocket)
	if path == "" {
		return
	}
	_ = os.Unsetenv(notifySocket) // it is for no process that this one starts
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("READY=1"))
}
