package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// systemctl stands in for the system's: it notes what it is asked, and does what enable and disable do with files.
const systemctl = `#!/bin/sh
echo "$*" >>"$HOME/calls"
wants=$HOME/.config/systemd/user/default.target.wants
case $2 in
enable) mkdir -p "$wants" && ln -sf ../earshot.service "$wants/earshot.service" ;;
disable) rm "$wants/earshot.service" ;;
is-active) exit 3 ;;
esac
`

// system is an environment in which a node finds another systemctl, and no units of this machine.
func system(t *testing.T, script string) []string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "SYSTEMD_UNIT_PATH=" + t.TempDir(), "XDG_CONFIG_HOME="}
}

const atLogin = "Start my node when I log in, so that messages arrive"

// ticked waits until the box of a label is ticked, or not.
func (b *tab) ticked(label string, on bool) {
	b.Helper()
	state := map[bool]string{true: "checked", false: "not(:checked)"}[on]
	b.is(`[...document.querySelectorAll('label:has(input:` + state + `)')].some(l => l.innerText.trim() === '` + label + `')`)
}

// The first run has the node start at login unless its owner does not want that, and the settings can change it.
func TestStartAtLogin(t *testing.T) {
	t.Parallel()
	eve := startIn(t, system(t, systemctl), "")
	b := browse(t, serve(t, eve.dir, testdata()).link())
	b.sees("dialog", "What do colleagues call you?")
	b.ticked(atLogin, true)
	b.looked("login-first")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "Eve"))
	b.click("Continue")
	b.sees("dialog", "It starts each time you log in.")
	b.looked("login-ready")
	link := filepath.Join(eve.dir, ".config/systemd/user/default.target.wants/earshot.service")
	unit, err := os.ReadFile(link)
	if err != nil || !strings.Contains(string(unit), "--dir="+eve.dir+" up ") {
		t.Errorf("%v: %s", err, unit)
	}
	b.click("Done")
	b.click("Settings")
	b.ticked(atLogin, true)
	b.click(atLogin)
	b.ticked(atLogin, false)
	for begun := time.Now(); err == nil && time.Since(begun) < patience; {
		_, err = os.Stat(link)
	}
	if err == nil {
		t.Error("it starts at login still")
	}
	b.do(chromedp.Reload())
	b.click("Settings")
	b.ticked(atLogin, false)
	calls, err := os.ReadFile(filepath.Join(eve.dir, "calls"))
	if err != nil || strings.Contains(string(calls), " start ") || strings.Contains(string(calls), " stop ") {
		t.Errorf("%v: %s", err, calls)
	}
}

// Where the system can't start it, the first run does not ask, and says so.
func TestNoStartAtLogin(t *testing.T) {
	t.Parallel()
	eve := startIn(t, system(t, "#!/bin/sh\nexit 1\n"), "")
	b := browse(t, serve(t, eve.dir, testdata()).link())
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "Eve"))
	b.click("Continue")
	b.sees("dialog", "Here earshot can’t have a program started when you log in.")
	b.looked("login-never")
	b.click("Done")
	b.click("Settings")
	b.sees(".panel", "Here earshot can’t have a program started when you log in.")
	b.is(`[...document.querySelectorAll('label:has(input:disabled)')].some(l => l.innerText.trim() === '` + atLogin + `')`)
	if _, err := os.Stat(filepath.Join(eve.dir, ".config")); err == nil {
		t.Error("something was written")
	}
}

// The owner is reminded of the recovery words once they have a contact, until that is put off, or they are on paper.
func TestRecoveryReminder(t *testing.T) {
	t.Parallel()
	const button = "Write down your recovery words"
	ann, bob, b, g := pair(t)
	b.click(button)
	b.sees("dialog", "earshot me recovery")
	b.looked("recovery")
	b.click("Remind me in a week")
	b.is(`!document.body.innerText.includes('` + button + `')`)
	if me := ann.does("me", "--json"); !strings.Contains(me, `"recovery_later":"20`) || !strings.Contains(me, `"recovery_kept":true`) {
		t.Errorf("the node was told: %s", me)
	}
	b.do(chromedp.Reload())
	b.sees(".list", "Ann")
	b.is(`!document.body.innerText.includes('` + button + `')`)

	other := browse(t, serve(t, bob.dir, testdata()).link())
	other.sees(".list", button)
	bob.does("me", "recovery", "--written")
	other.is(`!document.body.innerText.includes('` + button + `')`)

	cy := start(t, "Cy") // who knows nobody
	third := browse(t, serve(t, cy.dir, testdata()).link())
	third.sees(".list", "Cy")
	third.is(`!document.body.innerText.includes('` + button + `')`)

	g.mu.Lock()
	defer g.mu.Unlock()
	for _, path := range g.asked {
		if strings.Contains(path, "RecoveryWords") {
			t.Errorf("the page asks for the words: %s", path)
		}
	}
}

// A contact who is set up anew is another person. The page says so on both sides, and puts one in the place of the other
// once words were compared.
func TestContactReturnsAnew(t *testing.T) {
	t.Parallel()
	ann, bob, b, _ := pair(t)
	bob.does("send", "Ann", "from the old machine")
	b.opens("Bob")
	b.sees("article", "from the old machine")
	bob.end()
	b.is(`!document.querySelector('.talk .sign.here')`)
	b.writes("for the old machine")
	anew := start(t, "Bob", ann)
	anew.until("Ann", "peers")
	anew.does("send", "Ann", "from the new machine")
	b.sees(".stranger", "came after")
	b.looked("successor")
	b.click("See them")
	b.sees(".stranger", "another person with the same name")
	b.sees("article", "from the new machine")
	b.looked("namesake")
	b.click("Put in the place of Bob")
	b.sees("dialog", "an impostor sees these words too")
	b.is(`document.querySelectorAll('.words li').length === 10`)
	b.looked("replace")
	b.click("They are the same")
	b.sees(".toast", "is in the place of the old one now")
	b.is(`!document.querySelector('.stranger')`)
	b.sees(".talk h2", "Bob")
	anew.until("for the old machine", "history", "Ann")
	if all := ann.does("contacts", "--json"); strings.Count(all, "\n") != 1 || !strings.Contains(all, `"verified":true`) {
		t.Errorf("contacts: %s", all)
	}
}

// Somebody by the name of a contact, as it looks, who waits to be accepted is told from the contact.
func TestNamesakeAsks(t *testing.T) {
	t.Parallel()
	ann, _, b, _ := pair(t)
	ann.does("me", "accept", "contacts")
	other := start(t, "B\u043eb", ann) // with a Cyrillic letter
	other.until("Ann", "peers")
	other.does("send", "Ann", "it is me")
	b.click("1 request to talk with you")
	b.sees(".request", "it is me")
	b.sees(".request", "This is not your contact Bob, but another person with the same name")
}
