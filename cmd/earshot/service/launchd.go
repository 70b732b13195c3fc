package service

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// agent is the label of launchd's agent.
const agent = "im.earshot.node"

// settlePoll is how often launchd is asked whether the agent has ended.
const settlePoll = 100 * time.Millisecond

// launchd is an agent of the user. It has never been run on macOS.
type launchd struct {
	Config
	path string // of the agent's file
}

func newLaunchd(c Config) launchd {
	return launchd{c, filepath.Join(c.Home, "Library", "LaunchAgents", agent+".plist")}
}

// text is the agent's file. There is no journal on macOS, so the node writes a log of its own.
func (l launchd) text() string {
	var words strings.Builder
	for _, word := range l.words("--log", "--restart-on-update") {
		words.WriteString("\t\t<string>" + escaped(word) + "</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by "earshot service install"; "earshot service remove" deletes it. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + agent + `</string>
	<key>ProgramArguments</key>
	<array>
` + words.String() + `	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func (l launchd) State() State {
	v := State{Kind: Launchd}
	if l.Home == "" { // the path would be below whatever directory this is
		return v
	}
	text := read(l.path)
	if text == "" {
		return v
	}
	v.Path, v.Own = l.path, strings.Contains(text, `Written by "earshot service install"`)
	v.Installed = strings.Contains(text, "<string>"+escaped("--dir="+l.Dir)+"</string>")
	v.Elsewhere, v.Enabled = !v.Installed, v.Installed
	v.Opens = strings.Contains(text, "<string>"+escaped(l.passphraseWord())+"</string>")
	return v
}

// domain is the user's session; target the agent in it.
func domain() string { return "gui/" + strconv.Itoa(os.Getuid()) }
func target() string { return domain() + "/" + agent }

func (l launchd) Active(ctx context.Context) bool {
	said, err := ask(ctx, "launchctl", "print", target())
	return err == nil && strings.Contains(said, "state = running")
}

func (l launchd) Check(ctx context.Context) error {
	if err := errors.Join(l.check(), l.State().refusing()); err != nil {
		return err
	}
	if _, err := ask(ctx, "launchctl", "print", domain()); err != nil { // nothing is written where nobody reads it
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

func (l launchd) Install(ctx context.Context) error {
	if err := replace(l.path, l.text()); err != nil {
		return err
	}
	_, _ = ask(ctx, "launchctl", "bootout", target()) // fails where there was none before
	if _, err := ask(ctx, "launchctl", "enable", target()); err != nil {
		return err
	}
	_, err := ask(ctx, "launchctl", "bootstrap", domain(), l.path) // starts it
	return err
}

// Enable writes the agent, which launchd reads at the next login.
func (l launchd) Enable(ctx context.Context) error {
	if err := replace(l.path, l.text()); err != nil {
		return err
	}
	_, err := ask(ctx, "launchctl", "enable", target())
	return err
}

// Disable deletes the agent. launchd has read it, so the node that it runs goes on.
func (l launchd) Disable(context.Context) error {
	now := l.State()
	if now.Path == "" {
		return nil
	}
	if err := now.refusing(); err != nil {
		return err
	}
	return remove(now.Path)
}

func (l launchd) Remove(ctx context.Context) error {
	now := l.State()
	if now.Path == "" {
		return nil
	}
	if err := now.refusing(); err != nil {
		return err
	}
	if _, err := ask(ctx, "launchctl", "print", target()); err == nil {
		if _, err := ask(ctx, "launchctl", "bootout", target()); err != nil {
			return err
		}
	}
	return remove(now.Path)
}

func (l launchd) Start(ctx context.Context) error {
	if _, err := ask(ctx, "launchctl", "print", target()); err != nil {
		_, err = ask(ctx, "launchctl", "bootstrap", domain(), l.path)
		return err
	}
	_, err := ask(ctx, "launchctl", "kickstart", target())
	return err
}

func (l launchd) Settle(ctx context.Context) error {
	poll := time.NewTicker(settlePoll)
	defer poll.Stop()
	for l.Active(ctx) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l launchd) Supervises() bool       { return true }
func (l launchd) RestartCommand() string { return "launchctl kickstart -k " + target() }
func (l launchd) LogCommand() string     { return "tail " + strconv.Quote(filepath.Join(l.Dir, "log")) }
