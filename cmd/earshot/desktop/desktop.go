// Package desktop shows a node's notifications by the desktop that its owner works at.
//
// On Linux and other Unix systems that is whoever owns org.freedesktop.Notifications on the session bus,
// spoken to directly: one notification for each conversation, replaced, and closed when the node says so,
// with buttons where the desktop has them. On macOS and Windows it is a program of the system, which is
// given a script on its standard input: nothing that others wrote stands on a command line, where every
// user of the machine could read it, or in a script as anything but data.
//
// The package decides nothing: the node says what to show, and when. It asks the node for that only while
// there is a desktop to show it. What others wrote goes through package terminal, and is escaped where
// the desktop takes text for markup. A desktop that fails or hangs costs its notifications and nothing
// else. It sees no node: Config has what it needs of one.
package desktop

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

const (
	// patience is how long the desktop may take for one notification.
	patience = 5 * time.Second

	// maxLines bounds the lines of a text that are shown.
	maxLines = 5

	// retry is after how long a desktop that can't be reached is tried again.
	retry = time.Minute
)

// About is what a notification is about, as the node calls it. It is comparable.
type About struct {
	Conversation string // empty: several, or
	Strangers    bool   // all strangers together
	Who          string // to whom an answer goes; empty: nothing can be answered or marked read
}

// Alert is one thing to do.
type Alert struct {
	About
	Close       bool // take the notification away
	Title, Text string
	Count       int  // of messages that it stands for
	Silent      bool // it is shown already and is only put right
}

// Config is what a Desktop is made of.
type Config struct {
	// Alerts gives tell what to show, until ctx ends or tell fails.
	Alerts func(ctx context.Context, tell func(Alert) error) error
	// Dismissed is told what is shown no more, by the owner's doing or the desktop's.
	Dismissed func(About)
	// Read marks read what a notification stands for; Reply does so and answers it.
	Read  func(context.Context, About) error
	Reply func(ctx context.Context, of About, text string) error
	// Open opens a screen of earshot; nil: there is none that can be opened.
	Open func() error
	Log  *slog.Logger
}

// Run shows notifications until ctx ends.
func Run(ctx context.Context, cfg Config) {
	for ctx.Err() == nil {
		if err := show(ctx, &cfg); err != nil && ctx.Err() == nil {
			cfg.Log.Info("show notifications on the desktop", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// title returns what stands first in a notification. It is no markup anywhere, and must look the same
// where a desktop takes it for some all the same.
func (a *Alert) title() string {
	title := plain.Replace(terminal.Line(a.Title))
	if a.Count > 1 && a.Conversation != "" {
		title += fmt.Sprintf(" (%d)", a.Count)
	}
	return title
}

// plain puts other characters in place of those with which markup begins and ends.
var plain = strings.NewReplacer("<", "‹", ">", "›")

// lines returns the text, as many lines of it as are shown.
func (a *Alert) lines() string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(a.Text), "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = terminal.Line(lines[i])
	}
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "…")
	}
	return strings.Join(lines, "\n")
}
