package localapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi/server"
)

// example is the program that README shows.
const example = "testdata/echo"

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(example, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(readme(t), "```go\n"+string(source)+"```\n") {
		t.Fatal("README.md shows another program than " + example)
	}
}

// running is a node with its local API.
type running struct {
	*node.Node
	t    *testing.T
	cfg  node.Config
	stop func()
}

// runNode runs a node and its local API until the test ends, or stop is called.
func runNode(t *testing.T, cfg node.Config) *running {
	t.Helper()
	cfg.NoMDNS, cfg.Listen = true, []string{"/ip4/127.0.0.1/tcp/0"}
	r := &running{t: t, cfg: cfg}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *running) start() {
	r.t.Helper()
	n, err := node.Open(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Node = n
	api := server.New(server.Config{Dir: r.cfg.Dir, Rooms: server.RoomsOf(n)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- api.Run(ctx) }()
	r.stop = func() {
		cancel()
		for range cap(ended) {
			if err := <-ended; err != nil {
				r.t.Error(err)
			}
		}
		r.stop = func() {}
	}
	<-n.Ready()
	<-api.Ready()
}

func (r *running) listening() []string {
	r.t.Helper()
	s, err := r.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Listening
}

// until waits for something that counts as a change in who is there, or as one of what is shown.
func (r *running) until(ctx context.Context, changed func(context.Context, uint64) (uint64, error), what string, done func() bool) {
	r.t.Helper()
	for n := uint64(0); !done(); {
		var err error
		if n, err = changed(ctx, n); err != nil {
			r.t.Fatalf("%s: %v", what, err)
		}
	}
}

func (r *running) knows(ctx context.Context, name string) {
	r.t.Helper()
	r.until(ctx, r.PeersChanged, "meet "+name, func() bool {
		_, err := r.Contacts().Resolve(ctx, name)
		return err == nil
	})
}

// bot is the program of the README in a process of its own.
type bot struct {
	t   *testing.T
	bin string
	dir string
	cmd *exec.Cmd
	out *strings.Builder
}

// build builds the example as its reader would.
func build(t *testing.T, dir string) *bot {
	t.Helper()
	b := &bot{t: t, bin: filepath.Join(t.TempDir(), "echo"), dir: dir, out: new(strings.Builder)}
	if out, err := exec.Command("go", "build", "-o", b.bin, "./"+example).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(b.kill)
	return b
}

func (b *bot) start() {
	b.t.Helper()
	b.cmd = exec.Command(b.bin, b.dir)
	b.cmd.Stderr = b.out
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bot) kill() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

// The bot of the README answers every message once and where it was said, also in a group, whenever
// it is killed and when its node restarts. What it can't answer does not stop it.
func TestReadmesBot(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ann := runNode(t, node.Config{Dir: t.TempDir(), Name: "Ann"})
	host := runNode(t, node.Config{Dir: t.TempDir(), Name: "Bot", Peers: ann.listening()})
	bot := build(t, host.cfg.Dir)
	ann.knows(ctx, "Bot")
	send := func(to, text string) chat.Message {
		t.Helper()
		m, err := ann.Messages().Send(ctx, chat.Outgoing{To: to, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	answers := func() (texts []string) {
		page, err := ann.Messages().Arrivals(ctx, "", chat.Filter{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			texts = append(texts, m.Text)
		}
		return texts
	}
	// answered waits for the answer to a message, and says whether it came back where that was said.
	answered := func(m chat.Message) {
		t.Helper()
		ann.until(ctx, ann.Changed, fmt.Sprintf("answer to %q; the bot says %s", m.Text, bot.out), func() bool {
			return slices.Contains(answers(), "echo: "+m.Text)
		})
		page, _ := ann.Messages().Arrivals(ctx, "", chat.Filter{}, 100)
		for _, a := range page.Messages {
			if a.Text == "echo: "+m.Text && (a.Conversation != m.Conversation || a.ReplyTo == nil || *a.ReplyTo != m.ID) {
				t.Errorf("the answer to %q is in %v, to %v", m.Text, a.With, a.ReplyTo)
			}
		}
	}
	arrived := func(m chat.Message) {
		t.Helper()
		host.until(ctx, host.Changed, m.Text, func() bool {
			page, err := host.Messages().Arrivals(ctx, "", chat.Filter{}, 100)
			return err == nil && slices.ContainsFunc(page.Messages, func(r chat.Message) bool { return r.ID == m.ID })
		})
	}

	bot.start()
	answered(send("Bot", "one"))
	if _, err := ann.Groups().CreateGroup(ctx, "lunch", false); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Groups().Invite(ctx, "lunch", []string{"Bot"}); err != nil {
		t.Fatal(err)
	}
	answered(send("#lunch", "two"))
	bot.kill()
	three, four := send("#lunch", "three"), send("Bot", "four")
	arrived(three)
	arrived(four)
	bot.start()
	answered(three)
	answered(four)
	host.stop()
	host.start()
	answered(send("Bot", "five"))

	// What is too long with "echo: " before it, and what was said in a group that it is out of now.
	send("Bot", strings.Repeat("x", 64<<10))
	bot.kill()
	arrived(send("#lunch", "six"))
	if _, err := ann.Groups().RemoveMember(ctx, "lunch", "Bot"); err != nil {
		t.Fatal(err)
	}
	host.until(ctx, host.Changed, "removed", func() bool {
		g, err := host.Groups().Group(ctx, "lunch")
		return err == nil && g.Role == ""
	})
	bot.start()
	answered(send("Bot", "seven"))

	got := answers()
	slices.Sort(got)
	if want := []string{"echo: five", "echo: four", "echo: one", "echo: seven", "echo: three", "echo: two"}; !slices.Equal(got, want) {
		t.Errorf("answers %q", got)
	}
}

// curlVariable makes this program stand in for curl where there is none.
const curlVariable = "EARSHOT_TEST_CURL"

// curl understands of curl's arguments those that README uses.
func curl(args []string) error {
	var socket, data, url string
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg {
		case "--unix-socket", "-H", "-d":
			i++
			switch arg {
			case "--unix-socket":
				socket = args[i]
			case "-H":
				name, value, _ := strings.Cut(args[i], ": ")
				header.Set(name, value)
			case "-d":
				data = args[i]
			}
		default:
			url = arg
		}
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(data))
	if err != nil {
		return err
	}
	r.Header = header
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	_, err = io.Copy(os.Stdout, w.Body)
	return err
}

// Every curl command in the README works as it stands.
func TestReadmesCurl(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	home := t.TempDir()
	dir := filepath.Join(home, ".local/share/earshot")
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	bob := runNode(t, node.Config{Dir: t.TempDir(), Name: "Bob"})
	ann := runNode(t, node.Config{Dir: dir, Name: "Ann", Peers: bob.listening()})
	ann.knows(ctx, "Bob")
	path := os.Getenv("PATH")
	if _, err := exec.LookPath("curl"); err != nil {
		if err := os.Symlink(os.Args[0], filepath.Join(home, "curl")); err != nil {
			t.Fatal(err)
		}
		path = home + ":" + path
	}
	commands := 0
	for paragraph := range strings.SplitSeq(readme(t), "\n\n") {
		command := strings.TrimSpace(paragraph)
		if !strings.HasPrefix(command, "curl ") {
			continue
		}
		commands++
		shell := exec.CommandContext(ctx, "sh", "-c", command)
		shell.Env = append(os.Environ(), "HOME="+home, "PATH="+path, curlVariable+"=1")
		out, err := shell.Output()
		if err != nil || !strings.HasPrefix(string(out), "{") || strings.Contains(string(out), `"code"`) {
			t.Errorf("%s\n%s%v", command, out, err)
		}
	}
	if commands == 0 {
		t.Fatal("README shows no curl command")
	}
	history, err := ann.Messages().History(ctx, "Bob", chat.HistoryRange{Limit: 9})
	if err != nil || len(history) != 1 || history[0].Text != "hello" {
		t.Errorf("sent %v, %v", history, err)
	}
}
