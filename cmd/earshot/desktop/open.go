package desktop

import (
	"os"
	"os/exec"
	"runtime"
)

// emulator is what opens a terminal with a program in it, on systems that have one of several.
const emulator = "x-terminal-emulator"

// Terminal returns what opens a terminal in which a program runs; nil: there is none to be opened.
func Terminal(program string, args ...string) func() error {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || !display() {
		return nil
	}
	path, err := exec.LookPath(emulator)
	if err != nil {
		return nil
	}
	words := append([]string{path, "-e", program}, args...)
	if run, err := exec.LookPath("systemd-run"); err == nil && os.Getenv("INVOCATION_ID") != "" {
		// A unit's restrictions are not meant for the terminal, which is to stay when the unit ends.
		words = append([]string{run, "--user", "--quiet", "--collect", "--"}, words...)
	}
	return func() error {
		c := exec.Command(words[0], words[1:]...)
		apart(c)
		if err := c.Start(); err != nil {
			return err
		}
		go func() { _ = c.Wait() }() // ends with the terminal, or with this process
		return nil
	}
}
