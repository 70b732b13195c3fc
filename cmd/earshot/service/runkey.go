package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf16"
)

const (
	runKeyPath  = `Software\Microsoft\Windows\CurrentVersion\Run` // below HKEY_CURRENT_USER
	runKeyValue = "earshot"

	// longestLine is how long a command line Windows runs from there at most, in characters
	// (learn.microsoft.com/windows/win32/setupapi/run-and-runonce-registry-keys).
	longestLine = 260
)

// runKey is a value of the user's Run key, which Windows runs once at each login and doesn't look
// after. It has never been run on Windows.
type runKey struct{ Config }

// value is the command line that Windows runs.
func (r runKey) value() string {
	var line []string
	for _, word := range r.words("--detach") {
		line = append(line, windowsWord(word))
	}
	return strings.Join(line, " ")
}

// windowsWord quotes a word as programs on Windows read it: backslashes count double before a
// quotation mark, and nowhere else.
func windowsWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range word {
		switch r {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, slashes))
	b.WriteByte('"')
	return b.String()
}

func (r runKey) State() State { return r.state(readRunKey()) }

func (r runKey) state(value string) State {
	v := State{Kind: RunKey}
	if value == "" {
		return v
	}
	v.Path, v.Own = `HKCU\`+runKeyPath+`\`+runKeyValue, strings.HasSuffix(value, " up --detach")
	v.Installed = strings.Contains(value, " "+windowsWord("--dir="+r.Dir)+" ")
	v.Elsewhere, v.Enabled = !v.Installed, v.Installed
	return v
}

func (r runKey) Check(context.Context) error {
	if err := errors.Join(r.check(), r.State().refusing()); err != nil {
		return err
	}
	if n := len(utf16.Encode([]rune(r.value()))); n > longestLine {
		return fmt.Errorf("%w: the command line would have %d characters, and Windows runs at most %d", ErrPath, n, longestLine)
	}
	return nil
}

func (r runKey) Install(context.Context) error {
	if err := writeRunKey(r.value()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Enable is Install: Windows runs what stands there at the next login.
func (r runKey) Enable(ctx context.Context) error { return r.Install(ctx) }

// Disable is Remove, which ends nothing.
func (r runKey) Disable(ctx context.Context) error { return r.Remove(ctx) }

func (r runKey) Remove(context.Context) error {
	now := r.State()
	if now.Path == "" {
		return nil
	}
	if err := now.refusing(); err != nil {
		return err
	}
	return deleteRunKey()
}

func (r runKey) Active(context.Context) bool  { return false }
func (r runKey) Start(context.Context) error  { return ErrUnavailable }
func (r runKey) Settle(context.Context) error { return nil }
func (r runKey) Supervises() bool             { return false }
func (r runKey) RestartCommand() string       { return "" }
func (r runKey) LogCommand() string           { return "type " + strconv.Quote(filepath.Join(r.Dir, "log")) }
