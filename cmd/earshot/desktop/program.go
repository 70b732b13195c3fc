package desktop

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// byProgram has a program of the system show what the node gives. It has never been run on macOS or
// Windows.
func byProgram(ctx context.Context, cfg *Config, system string) error {
	return cfg.Alerts(ctx, func(a Alert) error {
		if err := run(ctx, system, &a); err != nil {
			cfg.Log.Info("show a notification", "err", err)
		}
		return nil
	})
}

// run has a program of the system do what an alert says.
func run(ctx context.Context, system string, a *Alert) error {
	words, script := program(system, a)
	if script == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Stdin = strings.NewReader(script)
	apart(c)
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return nil
}

// program returns what to run for an alert on a system, and what it reads; an empty script: nothing.
func program(system string, a *Alert) (words []string, script string) {
	switch {
	case system == "windows":
		return []string{"powershell.exe", "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "-"}, windowsScript(a, tag(a.About))
	case a.Close || a.Silent: // what is shown there stays as it is
		return nil, ""
	}
	return []string{"/usr/bin/osascript", "-l", "JavaScript"}, macOSScript(a)
}

// show shows notifications until ctx ends, or until that can't be gone on with.
func show(ctx context.Context, cfg *Config) error {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return byProgram(ctx, cfg, runtime.GOOS)
	}
	return onBus(ctx, cfg)
}

// Tell shows a notification of a command, which ends, and stays with the desktop.
func Tell(ctx context.Context, title, text string) error {
	a := Alert{Title: title, Text: text}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return run(ctx, runtime.GOOS, &a)
	}
	return tellBus(ctx, a)
}

// Available says whether there may be a desktop.
func Available() bool {
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows" || address() != ""
}
