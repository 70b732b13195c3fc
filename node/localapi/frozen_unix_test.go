//go:build unix

package localapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// nodeDir names the variable that makes this program run a node in a directory in place of tests.
const nodeDir = "EARSHOT_TEST_NODE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(nodeDir); dir != "" {
		if err := runProcess(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(curlVariable) != "" {
		if err := curl(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// runProcess runs a node until standard input ends. A line "starve" makes it use up its file
// descriptors, "recover" has it let go of them. It answers each with the same word.
func runProcess(dir string) error {
	n, err := node.Open(node.Config{Dir: dir, Name: "Ann", NoMDNS: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		return err
	}
	api := server.New(server.Config{Dir: dir, Rooms: server.RoomsOf(n)})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- api.Run(ctx) }()
	<-n.Ready()
	<-api.Ready()
	fmt.Println("ready")
	var taking sync.WaitGroup
	enough := make(chan struct{})
	defer func() {
		stop()
		taking.Wait()
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Println(in.Text()) {
		switch in.Text() {
		case "starve":
			limit := &syscall.Rlimit{Cur: 256, Max: 256}
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, limit); err != nil {
				return err
			}
			taking.Go(func() { take(ctx, enough) })
		case "recover":
			close(enough)
			taking.Wait()
		}
	}
	stop()
	return errors.Join(<-ended, <-ended)
}

// take uses up the file descriptors until it is to recover, also those that the node lets go of meanwhile.
func take(ctx context.Context, enough <-chan struct{}) {
	var taken []*os.File
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		for f, err := os.Open(os.DevNull); err == nil; f, err = os.Open(os.DevNull) {
			taken = append(taken, f)
		}
		select {
		case <-again.C:
			continue
		case <-enough:
		case <-ctx.Done():
		}
		for _, f := range taken {
			f.Close()
		}
		return
	}
}

// process is a node in a process of its own.
type process struct {
	*exec.Cmd
	t   *testing.T
	dir string
	in  io.WriteCloser
	out *bufio.Reader
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), t: t, dir: t.TempDir()}
	p.Env = append(os.Environ(), nodeDir+"="+p.dir)
	p.Stderr = os.Stderr
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.signal(syscall.SIGCONT) // it may be stopped
		p.in.Close()
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	p.expect("ready")
	return p
}

func (p *process) expect(line string) {
	p.t.Helper()
	if got, err := p.out.ReadString('\n'); strings.TrimSpace(got) != line {
		p.t.Fatalf("%q, %v, want %q", got, err, line)
	}
}

func (p *process) say(line string) {
	p.t.Helper()
	fmt.Fprintln(p.in, line)
	p.expect(line)
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// A process that is stopped keeps its socket and its connections, and says nothing on them.
func TestFrozenNodeIsNoticed(t *testing.T) {
	p := startProcess(t)
	client, patient := localapi.DialImpatient(p.dir), localapi.Dial(p.dir)
	defer client.Close()
	defer patient.Close()
	if _, err := patient.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Fatal(err)
	}
	stream, err := client.Watch(t.Context(), &earshotv1.WatchRequest{})
	if err != nil || !stream.Receive() {
		t.Fatal(err, stream.Err())
	}
	defer stream.Close()
	p.signal(syscall.SIGSTOP)
	for stream.Receive() {
	}
	if !errors.Is(stream.Err(), localapi.ErrNotAnswering) {
		t.Errorf("a stream: %v", stream.Err())
	}
	_, err = client.Status(t.Context(), &earshotv1.StatusRequest{})
	if !errors.Is(err, localapi.ErrNotAnswering) {
		t.Errorf("a call: %v", err)
	}
	if which := fmt.Sprintf("(process %d)", p.Process.Pid); runtime.GOOS == "linux" && !strings.Contains(err.Error(), which) {
		t.Errorf("a call: %v, want %s in it", err, which)
	}
	p.signal(syscall.SIGCONT)
	if _, err := patient.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Errorf("after it went on: %v", err)
	}
}

// A client that rests waits for no answer for ever, frozen as a node may be when it is asked.
func TestFrozenNodeIsNoticedByWhomRests(t *testing.T) {
	p := startProcess(t)
	client, patient := localapi.RestImpatient(p.dir), localapi.Dial(p.dir)
	defer client.Close()
	defer patient.Close()
	p.signal(syscall.SIGSTOP)
	for err := error(nil); !errors.Is(err, localapi.ErrNotAnswering); { // it stops a moment after the signal
		_, err = client.Status(t.Context(), &earshotv1.StatusRequest{})
	}
	changes, err := client.Changes(t.Context(), &earshotv1.ChangesRequest{})
	if err == nil {
		defer changes.Close()
		changes.Receive()
		err = changes.Err()
	}
	if !errors.Is(err, localapi.ErrNotAnswering) {
		t.Errorf("changes: %v", err)
	}
	found, err := client.Search(t.Context(), &earshotv1.SearchRequest{Words: "a"})
	if err == nil {
		defer found.Close()
		found.Receive()
		err = found.Err()
	}
	if !errors.Is(err, localapi.ErrNotAnswering) {
		t.Errorf("a search: %v", err)
	}
	p.signal(syscall.SIGCONT)
	if _, err := patient.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Errorf("after it went on: %v", err)
	}
}

// What a caller was told to have failed is not done later, when the node goes on.
func TestFrozenNodeDoesNothingThatWasGivenUp(t *testing.T) {
	p := startProcess(t)
	client, patient := localapi.DialImpatient(p.dir), localapi.Dial(p.dir)
	defer client.Close()
	defer patient.Close()
	p.signal(syscall.SIGSTOP)
	for err := error(nil); !errors.Is(err, localapi.ErrNotAnswering); { // it stops a moment after the signal
		_, err = client.Status(t.Context(), &earshotv1.StatusRequest{})
	}
	for range 8 {
		if _, err := client.CreateGroup(t.Context(), &earshotv1.CreateGroupRequest{Name: "late", Anyway: true}); !errors.Is(err, localapi.ErrNotAnswering) {
			t.Errorf("frozen: %v", err)
		}
	}
	p.signal(syscall.SIGCONT)
	if _, err := patient.CreateGroup(t.Context(), &earshotv1.CreateGroupRequest{Name: "now"}); err != nil {
		t.Fatal(err)
	}
	if all, err := patient.Groups(t.Context(), &earshotv1.GroupsRequest{}); err != nil || len(all.GetGroups()) != 1 {
		t.Errorf("after it went on: %v, %v", all.GetGroups(), err)
	}
}

// A node that can take no connection for want of file descriptors goes on, and warns its owner.
func TestNodeWithoutDescriptorsIsNoticed(t *testing.T) {
	p := startProcess(t)
	p.say("starve")
	for err := error(nil); !errors.Is(err, localapi.ErrNotAnswering); { // the node may have just let go of one
		client := localapi.DialImpatient(p.dir)
		if _, err = client.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil && !errors.Is(err, localapi.ErrNotAnswering) {
			t.Fatalf("without descriptors: %v", err)
		}
		client.Close()
	}
	p.say("recover")
	patient := localapi.Dial(p.dir)
	defer patient.Close()
	status, err := patient.Status(t.Context(), &earshotv1.StatusRequest{})
	if err != nil || !slices.ContainsFunc(status.Warnings, func(w *earshotv1.Warning) bool { return w.Code == "starved" }) {
		t.Errorf("with descriptors again: %v, %v", status, err)
	}
}
