package doctor

import (
	"errors"
	"fmt"
	"os"
	"strings"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store"
)

// deleted is what Linux puts behind the name of a program's file that was removed or replaced.
const deleted = " (deleted)"

// Running says of a node that answers that it runs, as which process, and whether it is the program
// that is installed: its version is the one of this command, its file was not replaced, and it knows what
// the command asks.
func Running(dir, version, installed string, knows bool) []*earshotv1.Check {
	var locked *store.LockedError
	pid := 0
	if errors.As(store.Held(dir), &locked) {
		pid = locked.PID
	}
	values := &earshotv1.Values{Pid: uint32(max(0, pid)), Version: version}
	program := &earshotv1.Check{Check: Program, Values: values, Ok: true}
	switch {
	case version != installed, !knows:
		program.Code, program.Ok, program.Detail = Old, false, fmt.Sprintf("%s runs, %s is installed", version, installed)
	case replaced(pid):
		program.Code, program.Ok, program.Values = Old, false, &earshotv1.Values{Pid: values.Pid}
	}
	return []*earshotv1.Check{{Check: Node, Ok: true, Values: &earshotv1.Values{Pid: values.Pid}}, program}
}

// replaced says whether the file of a process's program was replaced. Where the system does not say
// so, it was not.
func replaced(pid int) bool {
	if pid <= 0 {
		return false
	}
	file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasSuffix(file, deleted)
}
