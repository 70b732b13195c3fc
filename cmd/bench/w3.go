package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
	"github.com/earshot-im/earshot/cmd/bench/ssh"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w3Size  = 1 << 30 // of the file
	w3Files = 10_000  // in the folder
	w3Small = 4 << 10 // of each of them
	w3Turns = 3       // the best counts
	w3Words = 200     // messages alone; beside the file as many as there is time for

	inMemory = "/dev/shm"
)

// w3 hands over a large file, and a folder of many small ones: where nothing waits for a disk, as scp
// and tar don't either, and where both bring all to the disk.
func (b *bench) w3(ctx context.Context) error {
	if info, err := os.Stat(inMemory); err == nil && info.IsDir() {
		dir, err := os.MkdirTemp(inMemory, "earshot")
		if err != nil {
			return err
		}
		memory := *b
		memory.Dir = dir
		err = memory.w3On(ctx, "memory", false)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	return b.w3On(ctx, "disk", true)
}

// w3On is w3 in one place. With sync the others' files are brought to the disk as well, as ours always
// are.
func (b *bench) w3On(ctx context.Context, where string, sync bool) (err error) {
	ann, bob, err := b.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	others, err := b.startSSH(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, others.Stop()) }()
	file, folder := b.Folder(), b.Folder()
	if err := errors.Join(randomFile(file, w3Size), randomFolder(folder)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file), os.RemoveAll(folder)) }()
	large := handing{what: "file", where: where, size: w3Size, ann: ann, bob: bob, path: file}
	if err := large.measure(ctx, b, others.SCP, sync); err != nil {
		return err
	}
	small := handing{what: "small", where: where, size: w3Files * w3Small, ann: ann, bob: bob, path: folder}
	if err := small.measure(ctx, b, others.Tar, sync); err != nil {
		return err
	}
	if len(large.theirs) > 0 {
		report.Out("earshot", "W3", where+"_all_rate_over_scp", best(large.ours)/best(large.theirs))
		report.Versus("W3", where+"_rate_over_scp", best(large.moved)/best(large.theirs), 1.8)
		report.Versus("W3", where+"_small_time_over_tar", best(small.theirs)/best(small.ours), 1.5)
	}
	for _, h := range []*handing{&large, &small} {
		h.report()
	}
	return b.besideW3(ctx, where, ann, bob, file)
}

// startSSH starts the server of the others, where there can be one.
func (b *bench) startSSH(ctx context.Context) (*ssh.Server, error) {
	s, err := new(ssh.Server), ssh.ErrNone
	if b.mdns {
		s, err = ssh.Start(ctx, b.Folder())
	}
	if errors.Is(err, ssh.ErrNone) {
		fmt.Fprintln(os.Stderr, "bench: W3 goes without scp and tar: it needs the OpenSSH client and server, and a network of its own")
		return new(ssh.Server), nil
	}
	return s, err
}

// handing is something that is handed over again and again, and how fast that was, in bytes a second:
// ours from the moment at which it is named to the sender's node, which hashes it first, until the
// receiver's has it under its name; what is moved, from the moment at which it is accepted; and theirs.
type handing struct {
	what, where         string
	size                float64
	ann, bob            *nodes.Node
	path                string
	ours, moved, theirs []float64
	cpu                 [2][]time.Duration // of the sender, of the receiver
	memory              [2]int64           // the most
}

// best returns the highest rate: what others do on this machine only makes it lower.
func best(rates []float64) float64 { return report.Quantile(rates, 1) }

func (h *handing) measure(ctx context.Context, b *bench, other func(ctx context.Context, from, to string) error, sync bool) error {
	for range w3Turns {
		to := b.Folder()
		began := time.Now()
		err := other(ctx, h.path, to)
		if err == nil && sync {
			err = exec.CommandContext(ctx, "sync", "-f", to).Run()
		}
		took := time.Since(began)
		if err == nil {
			h.theirs = append(h.theirs, h.size/took.Seconds())
		} else if !errors.Is(err, ssh.ErrNone) {
			return err
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := h.one(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// one hands it over once.
func (h *handing) one(ctx context.Context, b *bench) error {
	to := b.Folder()
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	pids := []int{h.ann.PID(), h.bob.PID()}
	var before [2]time.Duration
	for i, pid := range pids {
		before[i], _, _ = process.Usage(pid)
		_ = process.ForgetPeak(pid)
	}
	began := time.Now()
	id, err := hand(ctx, h.ann, h.bob, h.path)
	if err != nil {
		return err
	}
	offered := time.Now()
	if err := fetch(ctx, h.bob, id, to); err != nil {
		return err
	}
	h.ours = append(h.ours, h.size/time.Since(began).Seconds())
	h.moved = append(h.moved, h.size/time.Since(offered).Seconds())
	for i, pid := range pids {
		if after, _, err := process.Usage(pid); err == nil {
			h.cpu[i] = append(h.cpu[i], after-before[i])
		}
		if most, err := process.Peak(pid); err == nil {
			h.memory[i] = max(h.memory[i], most)
		}
	}
	return os.RemoveAll(to)
}

func (h *handing) report() {
	if len(h.theirs) > 0 {
		report.Out("ssh", "W3", h.where+"_"+h.what+"_mb_per_s", best(h.theirs)/1e6)
	}
	report.Out("earshot", "W3", h.where+"_"+h.what+"_mb_per_s", best(h.moved)/1e6)
	report.Out("earshot", "W3", h.where+"_all_"+h.what+"_mb_per_s", best(h.ours)/1e6)
	for i, who := range []string{"sender", "receiver"} {
		if len(h.cpu[i]) > 0 {
			report.Out("earshot", "W3", h.where+"_"+who+"_cpu_s_"+h.what, report.Median(h.cpu[i]).Seconds())
			report.Versus("W3", h.where+"_"+who+"_peak_mib_"+h.what, float64(h.memory[i])/(1<<20), 64)
		}
	}
}

// hand sends a file or folder to somebody, and returns when they know of it.
func hand(ctx context.Context, n, to *nodes.Node, path string) (id string, err error) {
	adding, err := n.Add(ctx, &earshotv1.AddRequest{Path: path})
	if err != nil {
		return "", err
	}
	defer adding.Close()
	var file string
	for adding.Receive() {
		if added := adding.Msg().Added; added != nil {
			file = added.File
		}
	}
	if err := adding.Err(); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	sent, err := n.Send(ctx, &earshotv1.SendRequest{To: to.Person, Files: []string{file}, Wait: nodes.Delivered, Timeout: durationpb.New(process.Patience)})
	if err == nil && sent.State != nodes.Delivered && sent.State != "read" {
		err = fmt.Errorf("the message with a file is only %s", sent.State)
	}
	return sent.GetId(), err
}

// fetch accepts what a message brings, and returns when it is saved in a folder.
func fetch(ctx context.Context, n *nodes.Node, id, to string) error {
	if _, err := n.SaveFiles(ctx, &earshotv1.SaveFilesRequest{Id: id, To: to}); err != nil {
		return err
	}
	moving, err := n.Transfers(ctx, &earshotv1.TransfersRequest{Id: id})
	if err != nil {
		return err
	}
	defer moving.Close()
	state := ""
	for moving.Receive() {
		for _, t := range moving.Msg().Transfers {
			state = t.Attachment.State
			if state == "held" && len(t.Attachment.Saved) > 0 {
				return nil
			}
		}
	}
	return errors.Join(fmt.Errorf("a file is only %s", state), moving.Err())
}

// besideW3 measures messages alone, and beside a file that is handed over.
func (b *bench) besideW3(ctx context.Context, where string, ann, bob *nodes.Node, file string) error {
	say := func() (time.Duration, error) {
		began := time.Now()
		err := ann.Say(ctx, bob.Person, "hello")
		return time.Since(began), err
	}
	var alone, beside []time.Duration
	for range w3Words {
		took, err := say()
		if err != nil {
			return err
		}
		alone = append(alone, took)
	}
	to := b.Folder()
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	id, err := hand(ctx, ann, bob, file)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- fetch(ctx, bob, id, to) }() // is waited for below
	for moving := true; moving; {
		took, err := say()
		if err != nil {
			return errors.Join(err, <-done)
		}
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			moving = false
		default:
			beside = append(beside, took)
		}
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if len(beside) == 0 {
		return errors.New("the file was faster than one message")
	}
	report.Out("earshot", "W3", where+"_alone_p50_us", report.Micros(report.Median(alone)))
	report.Out("earshot", "W3", where+"_beside_p50_us", report.Micros(report.Median(beside)))
	report.Out("earshot", "W3", where+"_beside_p99_us", report.Micros(report.Quantile(beside, 0.99)))
	report.Versus("W3", where+"_beside_over_alone", float64(report.Median(beside))/float64(report.Median(alone)), 3)
	return nil
}

// randomFile makes a file that nothing can make smaller.
func randomFile(path string, size int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{}), int64(size))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// randomFolder makes a folder of many small files, a hundred in each folder in it.
func randomFolder(path string) error {
	random, content := rand.NewChaCha8([32]byte{1}), make([]byte, w3Small)
	for i := range w3Files {
		dir := filepath.Join(path, fmt.Sprintf("%03d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		_, _ = random.Read(content) // never fails
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i%100)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
