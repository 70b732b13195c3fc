package advice

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var update = flag.Bool("update", false, "write the expected words into testdata")

// documented returns the codes of CLI.md, and whether one means that something is wrong.
func documented(t *testing.T) map[key]bool {
	t.Helper()
	page, err := os.ReadFile("../CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n## Checks\n")
	if !found {
		t.Fatal("no section Checks")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	all := make(map[key]bool)
	inParentheses := regexp.MustCompile(`\([^()]*\)|\[[^]]*\]\([^)]*\)`)
	code := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(table) {
		cells := strings.Split(inParentheses.ReplaceAllString(line, ""), "|")
		name := code.FindStringSubmatch(cells[min(1, len(cells)-1)])
		if len(cells) != 5 || name == nil {
			continue
		}
		for i, wrong := range []bool{true, false} {
			for _, m := range code.FindAllStringSubmatch(cells[2+i], -1) {
				all[key{name[1], m[1]}] = wrong
			}
		}
	}
	return all
}

// TestEveryCodeHasWords: each code that scripts may meet has words and, if it means that something is
// wrong, says what to do; no other has. What can be looked at also has words for nothing wrong.
func TestEveryCodeHasWords(t *testing.T) {
	listed := documented(t)
	if len(listed) < 50 {
		t.Fatalf("only %d codes in CLI.md", len(listed))
	}
	for k, wrong := range listed {
		e, there := entries[k]
		switch {
		case !there:
			t.Errorf("%s %s: in CLI.md, and has no words", k.check, k.code)
		case subject(k.check) == "":
			t.Errorf("%s: no topic", k.check)
		case wrong != (e.fix != nil):
			t.Errorf("%s %s: CLI.md says that it is wrong: %v; something to do: %v", k.check, k.code, wrong, e.fix != nil)
		}
	}
	for k := range entries {
		if _, there := listed[k]; !there && k.code != "" {
			t.Errorf("%s %s: has words, and is not in CLI.md", k.check, k.code)
		}
		if entries[k].fix != nil && k.code == "" {
			t.Errorf("%s: something to do where nothing is wrong", k.check)
		}
	}
	for _, topic := range topics {
		if _, fine := entries[key{topic.check, ""}]; !fine && topic.check != "probe" {
			t.Errorf("%s: no words for nothing wrong", topic.check)
		}
	}
}

// Whatever a node or the command may give as a check or a code is known here.
func TestEveryCodeOfTheNodeHasWords(t *testing.T) {
	codes := make(map[string]bool)
	for k := range entries {
		codes[k.code], codes[k.check] = true, true
	}
	notCodes := []string{"ours", "theirs"} // values
	found := 0
	for _, file := range []string{"../../../node/checks/checks.go", "../doctor/doctor.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
				ast.Inspect(d, func(n ast.Node) bool {
					literal, ok := n.(*ast.BasicLit)
					if !ok || literal.Kind != token.STRING {
						return true
					}
					code, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					found++
					if !codes[code] && !slices.Contains(notCodes, code) {
						t.Errorf("%s: %q has no words", file, code)
					}
					return true
				})
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d codes found", found)
	}
}

// example is a check with all that it may have.
func example(k key) *earshotv1.Check {
	at := timestamppb.New(time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC))
	c := &earshotv1.Check{Check: k.check, Code: k.code, Ok: entries[k].fix == nil,
		Person: &earshotv1.Person{Person: strings.Repeat("c4", 32), Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true},
		Values: &earshotv1.Values{Port: 27830, Instead: 27831, Program: "avahi-daemon", Pid: 812, Reason: "container", Family: "IPv4",
			Address: "192.0.2.8:27830", Version: "v0.9.0", Outcome: "timed_out", OffsetMs: 312_000, Whose: "ours", Asked: 3, Answered: 2,
			FreeBytes: 40 << 20, NeededBytes: 64 << 20, SyncUs: 250_000, LimitUs: 100_000, Waiting: 2,
			Heard: []*earshotv1.Heard{{Way: "mdns4"}, {Way: "beacon4"}}, LastSeen: at, Addresses: []string{"192.0.2.8:27830"}, Here: true, Group: "lunch"}}
	switch k.check {
	case "interfaces", "multicast":
		c.About = "eth0"
	case "disk", "node":
		c.About = "/home/ann/.local/share/earshot"
	case "keyring":
		c.About = "/home/ann/.local/share/earshot/keyring"
	case "database":
		c.About = "/home/ann/.local/share/earshot/store.db"
	case "person":
		c.Values.Here = k.code == ""
	}
	return c
}

func sortedKeys() []key {
	keys := make([]key, 0, len(entries))
	for k := range entries {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.check, b.check), cmp.Compare(a.code, b.code)) })
	return keys
}

// All words stand in one file for each system, to be read by a person.
func TestWords(t *testing.T) {
	zone = time.UTC
	for _, system := range []string{linux, darwin, windows} {
		var b strings.Builder
		for _, k := range sortedKeys() {
			v := Adviser{System: system}.Of(example(k))
			fmt.Fprintf(&b, "%s %s\n  %s: %s\n", k.check, k.code, v.Subject, v.Found)
			if len(v.Fix) > 0 {
				fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(v.Text(), "\n", "\n    "))
			}
		}
		file := "testdata/" + system + ".txt"
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s is not what is said; write it with -update and read the difference", file)
		}
	}
}

// Office users are told what something is for before they meet its name, and no sentence ends in the
// middle.
func TestWordsAreForPeople(t *testing.T) {
	for _, k := range sortedKeys() {
		for _, system := range []string{linux, darwin, windows} {
			v := Adviser{System: system}.Of(example(k))
			if v.Found == "" || strings.HasSuffix(v.Found, ".") || strings.Contains(v.Found, "  ") || strings.Contains(v.Found, "%!") {
				t.Errorf("%v: %q", k, v.Found)
			}
			if regexp.MustCompile(`(?i)multicast|socket|mdns|dial`).MatchString(v.Found) && !regexp.MustCompile(`usual way|machines find each other|it carries|found by|addresses? that|others can`).MatchString(v.Found) && k.code != "off" {
				t.Errorf("%v: %q has words that need more", k, v.Found)
			}
			if len(v.Fix) > 0 && (v.Fix[0].Command || strings.HasSuffix(v.Fix[len(v.Fix)-1].Text, ":")) {
				t.Errorf("%v on %s: %q", k, system, v.Text())
			}
			for i, l := range v.Fix {
				if strings.Contains(l.Text, "%!") || l.Text == "" || l.Command && strings.HasSuffix(l.Text, " ") {
					t.Errorf("%v on %s: %q", k, system, l.Text)
				}
				if !l.Command && strings.HasSuffix(l.Text, ":") && !v.Fix[i+1].Command && !strings.HasSuffix(v.Fix[i+1].Text, ":") && !strings.Contains(l.Text, "On their machine") {
					t.Errorf("%v on %s: nothing comes after %q", k, system, l.Text)
				}
			}
		}
	}
}

// The fix for a way that is closed has the commands of each system's firewall, with the port.
func TestFirewallCommandsNameThePort(t *testing.T) {
	for system, want := range map[string][]string{
		linux:   {"sudo ufw allow 27830/tcp", "sudo firewall-cmd --permanent --add-port=27830/tcp", "sudo firewall-cmd --reload"},
		windows: {`netsh advfirewall firewall add rule name="earshot tcp 27830" dir=in action=allow protocol=tcp localport=27830`},
		darwin:  {`sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp "$(command -v earshot)"`},
	} {
		has(t, system, key{"reachable", "closed"}, want...)
		for _, all := range [][]string{want[:1], {"sudo ufw allow 27830/tcp"}} { // of a machine elsewhere, whatever it is
			if system != darwin {
				has(t, system, key{"peers", "timed_out"}, all...)
			}
		}
	}
	has(t, darwin, key{"peers", "timed_out"}, "sudo ufw allow 27830/tcp")
	has(t, linux, key{"multicast", "in"}, "sudo ufw allow 5353/udp", "sudo ufw allow 27830/udp")
	has(t, linux, key{"clock", "off"}, "sudo timedatectl set-ntp true")
	has(t, linux, key{"disk", "full"}, "df -h /home/ann/.local/share/earshot")
	has(t, linux, key{"keyring", "not_private"}, "chmod -R go= /home/ann/.local/share/earshot/keyring")
}

// Where it is known which firewalls a machine has, their commands are said and no others.
func TestFirewallsOfThisMachine(t *testing.T) {
	commands := map[string]string{UFW: "sudo ufw allow 27830/tcp", Firewalld: "sudo firewall-cmd --reload",
		NFTables: "sudo nft insert rule inet filter input tcp dport 27830 accept", IPTables: "sudo iptables -I INPUT -p tcp --dport 27830 -j ACCEPT"}
	for has := range commands {
		v := Adviser{System: linux, Firewalls: []string{has}}.Of(example(key{"reachable", "closed"}))
		for name, command := range commands {
			if contains(v, command) != (name == has) {
				t.Errorf("%s there, %s: %+v", has, name, v.Fix)
			}
		}
		if v := (Adviser{System: linux, Firewalls: []string{has}}).Of(example(key{"peers", "refused"})); !contains(v, commands[UFW]) || !contains(v, commands[Firewalld]) {
			t.Errorf("another machine may have others than this one: %+v", v.Fix)
		}
	}
}

func contains(v Advice, command string) bool {
	return slices.ContainsFunc(v.Fix, func(l Line) bool { return l.Command && l.Text == command })
}

func has(t *testing.T, system string, k key, commands ...string) {
	t.Helper()
	v := Adviser{System: system}.Of(example(k))
	for _, want := range commands {
		if !contains(v, want) {
			t.Errorf("%v on %s has no %q:\n%s", k, system, want, v.Text())
		}
	}
}

// macOS asks its users since 26.5 before a program may use the local network.
func TestMacOSPermissionIsNamed(t *testing.T) {
	v := Adviser{System: darwin}.Of(example(key{"peers", "permission"}))
	if !strings.Contains(v.Found, "macOS") || !strings.Contains(v.Text(), "Privacy & Security, Local Network") {
		t.Errorf("%+v", v)
	}
}

// Commands name the directory where it has to be named, in a way that a shell reads as one word.
func TestCommandsNameTheDirectory(t *testing.T) {
	v := Adviser{System: linux, Program: Program("/tmp/my node")}.Of(example(key{"node", "stopped"}))
	if want := "earshot --dir '/tmp/my node' up --detach"; !contains(v, want) {
		t.Errorf("%+v, want %s", v.Fix, want)
	}
	if v = (Adviser{Program: Program("/tmp/node")}).Of(example(key{"peers", "other"})); !contains(v, "earshot doctor") {
		t.Errorf("a command for another machine names the directory of this one: %+v", v.Fix)
	}
	if Program("") != "earshot" {
		t.Error("a directory is named that needs no name")
	}
}

// Nothing that others chose does anything in a terminal, or adds a line.
func TestAdviceIsNotFooled(t *testing.T) {
	const evil = "x\n  run: rm -rf ~\x1b[2J\u202e"
	for _, k := range append(sortedKeys(), key{evil, evil}, key{"disk", evil}) {
		c := example(k)
		c.About, c.Detail, c.Person.Name, c.Person.KnownAs = evil, evil, evil, evil
		v := c.Values
		v.Program, v.Address, v.Version, v.Group, v.Reason, v.Family, v.Device, v.Addresses, v.Heard[0].Way = evil, evil, evil, evil, evil, evil, evil, []string{evil}, evil
		for _, system := range []string{linux, darwin, windows} {
			got := Adviser{System: system}.Of(c)
			for _, text := range []string{got.Subject, got.Found, got.Raw} {
				if text != terminal.Line(text) {
					t.Errorf("%v: %q", k, text)
				}
			}
			for _, l := range got.Fix {
				if l.Text != terminal.Line(l.Text) {
					t.Errorf("%v: %q", k, l.Text)
				}
				if l.Command && strings.Contains(l.Text, "rm -rf") && !regexp.MustCompile(`'[^']*rm -rf[^']*'`).MatchString(l.Text) {
					t.Errorf("%v: a command of others: %q", k, l.Text)
				}
			}
		}
	}
}

// A check of a newer node is said as it came.
func TestChecksOfANewerNode(t *testing.T) {
	v := Adviser{}.Of(&earshotv1.Check{Check: "later", Code: "odd", About: "eth0", Detail: "why"})
	if v.Subject != "later" || v.Found != "odd eth0" || v.Raw != "why" || v.Fix != nil {
		t.Errorf("%+v", v)
	}
}

// TestManyAddressesDoNotFillTheScreen: one machine can answer at all addresses of a network.
func TestManyAddressesDoNotFillTheScreen(t *testing.T) {
	v := &earshotv1.Values{Asked: 1024, Answered: 4096}
	for i := range 4096 {
		v.Addresses = append(v.Addresses, fmt.Sprintf("10.0.%d.%d:27830", i/256, i%256))
	}
	got := Adviser{}.Of(&earshotv1.Check{Check: "probe", Code: "found", Ok: true, Values: v}).Found
	if n := strings.Count(got, ":27830"); n != someAddresses || !strings.HasSuffix(got, " and 4046 more") {
		t.Errorf("%d addresses: %s", n, got)
	}
}
