package tui

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Modes of the terminal: the other screen, no wrapping, focus reports, marked pastes, the mouse's buttons,
// keys that can be told apart, and the title, which comes back.
const (
	on  = "\x1b[22;2t\x1b[?1049h\x1b[?7l\x1b[?1004h\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[>1u"
	off = "\x1b[<u\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[0m"
	out = "\x1b[?1049l\x1b[?25h\x1b[23;2t"
)

// enter takes the terminal.
func (t *runner) enter() error {
	in, err := newInput(t.cfg.In)
	if err != nil {
		return err
	}
	t.in = in
	o := uv.DefaultOptions()
	o.EventTimeout = escTime
	t.term = uv.NewTerminal(uv.NewConsole(t.in, t.cfg.Out, t.cfg.Env), o)
	if err := t.term.Start(); err != nil {
		return err
	}
	t.shown = nil
	_, err = t.cfg.Out.WriteString(on)
	return err
}

// exit gives the terminal back as it was.
func (t *runner) exit() {
	_, _ = t.cfg.Out.WriteString(off)
	t.in.end()
	_ = t.term.Stop() // while the other screen is shown, since it moves the cursor
	_, _ = t.cfg.Out.WriteString(out)
}

// aside gives the terminal back while something else has it.
func (t *runner) aside(do func()) error {
	t.exit()
	do()
	t.title = ""
	if err := t.enter(); err != nil {
		return err
	}
	return nil
}

// copy puts a text into the clipboard, where the terminal allows that.
func (t *runner) copy(text string) {
	_, _ = t.cfg.Out.WriteString("\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text)) + "\x07")
}

// edit has the user's editor change a text. The file is in a directory that nobody else can enter.
func edit(text string, cfg Config) (string, error) {
	dir, err := os.MkdirTemp("", "earshot-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "message.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	words := strings.Fields(editor())
	c := exec.Command(words[0], append(words[1:], path)...)
	c.Stdin, c.Stdout, c.Stderr = cfg.In, cfg.Out, cfg.Out
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", words[0], err)
	}
	out, err := os.ReadFile(path)
	return strings.TrimRight(string(out), "\n"), err
}

func editor() string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if e := os.Getenv(name); strings.TrimSpace(e) != "" {
			return e
		}
	}
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	return "vi"
}
