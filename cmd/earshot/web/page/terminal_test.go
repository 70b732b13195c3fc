package page_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// terminal is a terminal of tmux, in which somebody has the screen of earshot.
type terminal struct {
	*testing.T
	node   *node
	socket string
}

// screen starts the screen of a node in a terminal.
func screen(t *testing.T, n *node) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("skipped: tmux is needed to show the screen in a terminal")
	}
	s := &terminal{t, n, filepath.Join(t.TempDir(), "tmux")}
	s.tmux("new-session", "-d", "-x", "100", "-y", "30", program, "--dir", n.dir, "tui")
	t.Cleanup(func() { _, _ = s.run("kill-server") })
	return s
}

func (s *terminal) run(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-S", s.socket, "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "HOME="+s.node.dir, "SHELL=/bin/sh", "LC_ALL=C.UTF-8", "TMUX=", "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=") // no service of this machine
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *terminal) tmux(args ...string) string {
	s.Helper()
	out, err := s.run(args...)
	if err != nil {
		s.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return out
}

// is waits until the terminal shows what fits an expression, or no more if shown is false.
func (s *terminal) is(shown bool, expression string) {
	s.Helper()
	re, out := regexp.MustCompile("(?m)"+expression), ""
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		if out = s.tmux("capture-pane", "-p"); re.MatchString(out) == shown {
			return
		}
	}
	s.Fatalf("it never becomes %t that the terminal shows %s:\n%s", shown, expression, out)
}

func (s *terminal) sees(expression string) {
	s.Helper()
	s.is(true, expression)
}

func (s *terminal) types(text string) {
	s.Helper()
	s.tmux("send-keys", "-l", text)
}

func (s *terminal) press(keys ...string) {
	s.Helper()
	time.Sleep(15 * time.Millisecond) // Enter that follows at once is part of a paste
	s.tmux(append([]string{"send-keys"}, keys...)...)
}

// opens goes to the conversation of which a part of the name is given.
func (s *terminal) opens(name string) {
	s.Helper()
	s.sees("Go to")
	s.types(name)
	s.sees("> " + name)
	s.press("Enter")
	s.is(false, "Go to")
}

// Ann has a page in a browser, and Bob the screen in a terminal. Each sees what the other writes, that they write and that they have
// read; and what is written while a node is gone waits, and comes.
func TestBrowserAndTerminal(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "from Bob")
	s := screen(t, bob)
	s.opens("Ann")
	b.opens("Bob")
	b.sees("article", "from Bob")
	s.sees(`you +from Bob.* read`)

	b.writes("from Ann")
	s.sees(`Ann +from Ann`)
	b.sees("article.own .state", "read")

	b.press("At o")
	s.sees("Ann is typing")
	b.press("ne?\r")
	s.sees(`Ann +At one\?`)
	s.is(false, "Ann is typing")
	s.types("Half")
	b.sees(".talk .bar small", "Bob is typing")
	b.sees(".list .last", "Bob is typing")
	s.types(" past")
	s.sees("> Half past")
	s.press("Enter")
	b.sees("article", "Half past")
	b.sees(".out[aria-live]", "Bob: Half past") // it is read out
	b.is(`!document.querySelector('.talk .bar small').innerText.includes('typing')`)
	s.sees(`you +Half past.* read`)

	bob.kill()
	b.sees(".talk .bar small", "off since")
	b.writes("Are you there?")
	b.is(`[...document.querySelectorAll('article.own .state')].at(-1).innerText.replaceAll(/[\u2066-\u2069]/g, '').includes('waits for Bob: off since')`)
	s.sees("The node is gone")
	bob.up()
	b.is(`['✓ delivered', '✓✓ read'].includes([...document.querySelectorAll('article.own .state')].at(-1).innerText)`)
	s.sees(`Ann +Are you there\?`)
}

// Whoever has two pages and a terminal of one node sees the same on all of them: what is begun, and what is unread.
func TestPagesAndTerminalAgree(t *testing.T) {
	t.Parallel()
	ann, bob, first, g := pair(t)
	second := first.beside(g.URL + "/")
	bob.does("send", "Ann", "one")
	bob.does("send", "Ann", "two")
	for _, b := range []*tab{first, second} {
		b.is(`document.querySelector('.list .count')?.innerText.includes('2')`)
		b.is(`document.title === '(2) earshot'`)
	}
	s := screen(t, ann)
	s.sees(`Bob.* 2`)
	s.opens("Bob")
	s.sees(`Bob +two`)
	for _, b := range []*tab{first, second} { // who has read it in the terminal has read it
		b.is(`document.title === 'earshot' && !document.querySelector('.list .count')`)
	}

	first.opens("Bob")
	first.is(`document.activeElement.id === 'write'`)
	first.press("begun in the browser")
	s.sees("> begun in the browser")
	js[bool](first, `window.dispatchEvent(new Event('blur')) ?? true`) // as the owner goes to the other tab
	second.opens("Bob")
	second.is(`document.querySelector('#write').value === 'begun in the browser'`)
	second.writes(", and sent")
	for _, b := range []*tab{first, second} {
		b.sees("article.own", "begun in the browser, and sent")
		b.is(`document.querySelector('#write').value === ''`)
	}
	s.sees(`you +begun in the browser, and sent`)
	s.is(false, "> begun")
}
