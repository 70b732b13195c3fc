package system

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/node/checks"
)

const (
	// procfs is where the system shows its processes.
	procfs = "/proc"
	// maxTable is how many bytes of a table of sockets are read: some 25,000 lines.
	maxTable = 4 << 20
	// tcpListen is the state of a socket that listens.
	tcpListen = "0A"
)

// holder returns which other program has a port of a protocol, tcp or udp, if this user may see that.
func holder(proc, protocol string, port uint16) checks.Holder {
	var sockets []string
	for _, table := range []string{protocol, protocol + "6"} {
		sockets = append(sockets, socketsAt(filepath.Join(proc, "net", table), port, protocol == "tcp")...)
	}
	if len(sockets) == 0 {
		return checks.Holder{}
	}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return checks.Holder{}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && hasAny(filepath.Join(proc, e.Name(), "fd"), sockets) {
			name, _ := os.ReadFile(filepath.Join(proc, e.Name(), "comm"))
			return checks.Holder{Program: strings.TrimSpace(string(name)), PID: pid}
		}
	}
	return checks.Holder{}
}

// socketsAt returns what the sockets at a port are called, by one of the system's tables: proc(5).
func socketsAt(table string, port uint16, listening bool) (out []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(io.LimitReader(f, maxTable))
	for lines.Scan() {
		const local, state, inode = 1, 3, 9
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || !strings.HasSuffix(fields[local], suffix) || listening && fields[state] != tcpListen {
			continue
		}
		out = append(out, "socket:["+fields[inode]+"]")
	}
	return out
}

// hasAny says that a process has one of some sockets open, by the folder of its open files.
func hasAny(folder string, sockets []string) bool {
	files, err := os.ReadDir(folder)
	if err != nil {
		return false // another user's
	}
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		to, err := os.Readlink(filepath.Join(folder, f.Name()))
		return err == nil && slices.Contains(sockets, to)
	})
}
