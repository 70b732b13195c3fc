package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// opening is how long the program that opens a browser is waited for, to learn that it can't. Some stay as
// long as the browser.
const opening = 3 * time.Second

var errNoDesktop = errors.New("there is no desktop session here")

// Browse opens an address in the user's browser. On Linux the browser is given it as an argument, which other
// users of the machine may read. Where the address is of use to them, shared, and on other systems, it is given a
// file that leads there, which only the user can read; some browsers on Linux, as those of snaps, may not read it
// either, and say so. Other systems than Linux were never tried.
func Browse(ctx context.Context, address, file string, shared bool) error {
	words, err := browser(runtime.GOOS, address, file, shared)
	if err != nil {
		return err
	}
	c := exec.Command(words[0], words[1:]...)
	apart(c)
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }() // ends with that program, or with this process
	late := time.NewTimer(opening)
	defer late.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%s: %w", words[0], err)
		}
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// browser returns what to run.
func browser(system, address, file string, shared bool) (words []string, err error) {
	switch system {
	case "darwin":
		return []string{"/usr/bin/open", file}, redirect(address, file)
	case "windows":
		return []string{"rundll32.exe", "url.dll,FileProtocolHandler", file}, redirect(address, file)
	}
	if !display() {
		return nil, errNoDesktop
	}
	path, err := exec.LookPath("xdg-open")
	if err != nil || !shared {
		return []string{path, address}, err
	}
	return []string{path, file}, redirect(address, file)
}

// redirect writes a file that leads a browser on to an address, which has nothing that HTML would change.
func redirect(address, file string) error {
	text := `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=` + address + `"><title>earshot</title>` + "\n"
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) { // another's rights would stay
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}
