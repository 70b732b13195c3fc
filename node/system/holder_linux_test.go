package system

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/checks"
)

// TestHolderIsNamed: a port is another program's, and its name and number are told.
func TestHolderIsNamed(t *testing.T) {
	if os.Getenv("HOLD") != "" {
		hold()
		return
	}
	for protocol, claim := range map[string]func(uint16) checks.Claim{
		"udp": func(port uint16) checks.Claim {
			return Machine{}.Shared(groupAt(port))
		},
		"tcp": Machine{}.Listening,
	} {
		other := exec.Command(os.Args[0], "-test.run=^TestHolderIsNamed$")
		other.Env = append(os.Environ(), "HOLD="+protocol)
		in, err := other.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := other.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		c := claim(uint16(port))
		in.Close()
		_ = other.Wait()
		if !c.Held || c.Holder.PID != other.Process.Pid || c.Holder.Program == "" || !strings.HasPrefix(filepath.Base(os.Args[0]), c.Holder.Program) {
			t.Errorf("%s: %+v, want %s, %d", protocol, c, filepath.Base(os.Args[0]), other.Process.Pid)
		}
	}
}

// TestHolderIsFoundInTables: the tables are those of the system, read in every line.
func TestHolderIsFoundInTables(t *testing.T) {
	proc := t.TempDir()
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("net/tcp", head+
		"   0: 0100007F:6CB6 0200007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 70 1\n"+ // connected, not listening
		"   1: 00000000:6CB7 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 71 1\n"+ // the next port
		"short\n")
	write("net/tcp6", head+
		"   0: 00000000000000000000000000000000:6CB6 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 72 1\n")
	for pid, socket := range map[string]string{"100": "70", "101": "71", "102": "72"} {
		write(pid+"/comm", "program"+pid+"\n")
		if err := os.MkdirAll(filepath.Join(proc, pid, "fd"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("socket:["+socket+"]", filepath.Join(proc, pid, "fd", "3")); err != nil {
			t.Fatal(err)
		}
	}
	write("self/comm", "not a process")
	for port, want := range map[uint16]checks.Holder{27830: {Program: "program102", PID: 102}, 27831: {Program: "program101", PID: 101}, 27832: {}} {
		if got := holder(proc, "tcp", port); got != want {
			t.Errorf("%d: %+v, want %+v", port, got, want)
		}
	}
	if got := holder(proc, "udp", 27830); got != (checks.Holder{}) {
		t.Errorf("without a table: %+v", got)
	}
}
