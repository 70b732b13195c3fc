// Command hostile attacks one earshot node in every way that its authors could think of, and plays
// the honest strangers who have to get through meanwhile. cmd/lab runs it and holds the results
// against what node/PROTOCOL.md promises under "What strangers may cost". It is not installed.
//
//	hostile [flags] ATTACK
//
// It speaks the protocol by itself: it dials, does the handshake and frames what it says with none
// of the limits of a node, as anybody could. It makes persons as it needs them, since identities
// are free, and comes from as many addresses as its host has been given. With -seed the persons are
// the same in each run, so that some of them can be accepted or blocked in between.
//
// One attack is one process. It ends after -for, and prints what it came to as one JSON object:
//
//	{"attack":"cards","counts":{"sessions":300,…},"errors":{"write: broken pipe":300}}
//
// Before that some attacks print an object for each thing that happens, such as a message that the
// meter has sent. It runs only in a network namespace that was made for it, and refuses to start in
// the one of the machine or in any from which there is a way out.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/cmd/isolate"
)

// An attack is one way to be a nuisance. n and size have the meaning that about says.
type attack struct {
	about   string
	n, size int // unless flags say otherwise
	run     func(a *attacker, ctx context.Context) error
}

// attacks are all, by name. Each file adds those of its theme.
var attacks = map[string]attack{}

func add(theme map[string]attack) { maps.Copy(attacks, theme) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	a := &attacker{Client: rogue.New()}
	flags := flag.NewFlagSet("hostile", flag.ExitOnError)
	at := flags.String("at", "", "IP:PORT of the node")
	device := flags.String("peer", "", "device of the node")
	from := flags.String("from", "", "first source address")
	addresses := flags.Int("addresses", 1, "source addresses, from the first up")
	target := flags.String("target", "", "address of a third party")
	n := flags.Int("n", 0, "how many; see the attack")
	size := flags.Int("size", 0, "how large; see the attack")
	during := flags.Duration("for", 10*time.Second, "how long")
	flags.Uint64Var(&a.Seed, "seed", 0, "the persons are those of this seed; 0: new ones")
	flags.StringVar(&a.dir, "dir", "", "directory of the node whose owner the meter is")
	flags.StringVar(&a.to, "to", "", "whom the meter writes to")
	flags.StringVar(&a.text, "text", "message", "how texts begin")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, ok := attacks[flags.Arg(0)]
	if flags.NArg() != 1 || !ok {
		usage(flags)
		return fmt.Errorf("no attack %q", flags.Arg(0))
	}
	if err := isolate.Check(); err != nil {
		return err
	}
	a.n, a.size = chosen.n, chosen.size
	if *n > 0 {
		a.n = *n
	}
	if *size > 0 {
		a.size = *size
	}
	if err := a.aim(*at, *device, *target); err != nil {
		return err
	}
	if err := a.comeFrom(*from, *addresses); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *during)
	defer cancel()
	err := chosen.run(a, ctx)
	a.report(flags.Arg(0))
	return err
}

func (a *attacker) aim(at, device, target string) (err error) {
	if at != "" {
		a.At, err = netip.ParseAddrPort(at)
	}
	if err == nil && device != "" {
		a.Peer, err = peer.Decode(device)
	}
	if err == nil && target != "" {
		a.target, err = netip.ParseAddr(target)
	}
	return err
}

func (a *attacker) comeFrom(first string, many int) error {
	if first == "" {
		return nil
	}
	addr, err := netip.ParseAddr(first)
	for range many {
		a.From = append(a.From, addr)
		addr = addr.Next()
	}
	return err
}

// report prints what the attack came to.
func (a *attacker) report(name string) {
	counts, errors := a.Report()
	tell(map[string]any{"attack": name, "counts": counts, "errors": errors})
}

// tell prints one object.
func tell(o any) {
	b, err := json.Marshal(o)
	if err == nil {
		_, err = fmt.Printf("%s\n", b)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
	}
}

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprintln(w, "hostile [flags] ATTACK")
	flags.PrintDefaults()
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		fmt.Fprintf(w, "%-10s %s\n", name, attacks[name].about)
	}
}
