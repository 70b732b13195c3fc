package node_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/multiformats/go-multistream"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

var update = flag.Bool("update", false, "write the blocks of VECTORS.md anew; a format has changed then")

// block is a fenced block of VECTORS.md that has a name.
var block = regexp.MustCompile("(?s)```text ([^\n]+)\n(.*?)```\n")

// The blocks of VECTORS.md are what the code says. What stands around them is written by hand.
func TestVectors(t *testing.T) {
	const page = "VECTORS.md"
	want := makeBlocks(t)
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	now := block.ReplaceAllFunc(b, func(old []byte) []byte {
		m := block.FindSubmatch(old)
		name := string(m[1])
		text, ok := want[name]
		switch {
		case !ok:
			t.Errorf("%s has a block %q, which nothing makes", page, name)
			return old
		case seen[name]:
			t.Errorf("%s has two blocks %q", page, name)
		case text != string(m[2]) && !*update:
			t.Errorf("%s, block %q: has\n%swant\n%s", page, name, m[2], text)
		}
		seen[name] = true
		return fmt.Appendf(nil, "```text %s\n%s```\n", name, text)
	})
	for name := range want {
		if !seen[name] {
			t.Errorf("%s has no block %q", page, name)
		}
	}
	if *update {
		if err := os.WriteFile(page, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// makeBlocks makes every block, by name.
func makeBlocks(t *testing.T) map[string]string {
	s := readSchema(t)
	w := newTalk(t)
	w.speak()
	dump := func(doc, name string, b []byte) string {
		t.Helper()
		text, err := s.dump(doc, name, b)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	out := map[string]string{
		"people":       people(w),
		"genesis":      dump(formatDoc, "Card", w.ann.own.Card.Bytes()),
		"ids":          ids(w),
		"multistream":  negotiation(t),
		"tags":         tags(w),
		"events":       events(w),
		"cuts":         cuts(),
		"gossip":       gossip(t),
		"files":        fileFrames(t, s),
		"short logs":   "",
		"short offer":  "",
		"first stream": "",
	}
	for i, f := range w.onWire {
		name := fmt.Sprintf("frame %d", i+1)
		out[name] = fmt.Sprintf("# %d: %s to %s, %d bytes\n%s", i+1, f.from.name, f.from.peer.name, len(f.bytes), dump(protocolDoc, "Frame", f.bytes))
	}
	first := w.onWire[0].bytes
	out["first stream"] = fmt.Sprintf("%02x %x\n", len(first), first)
	var offer []byte
	out["short logs"], offer = shortOffer(t)
	out["short offer"] = dump(protocolDoc, "Frame", offer)
	return out
}

// lines are values with names before them.
type lines struct{ strings.Builder }

// add writes a value, in several lines if it is long.
func (l *lines) add(name, value string) {
	const width = 64
	for first := true; first || value != ""; first = false {
		n := min(width, len(value))
		if n < len(value) {
			if space := strings.LastIndexByte(value[:n], ' '); space > 0 {
				n = space + 1
			}
		}
		fmt.Fprintln(l, strings.TrimRight(fmt.Sprintf("%-26s %s", name, value[:n]), " "))
		name, value = "", strings.TrimLeft(value[n:], " ")
	}
}

func (l *lines) hex(name string, b []byte) { l.add(name, fmt.Sprintf("%x", b)) }

// people are the two, and what they are made from.
func people(w *talk) string {
	var l lines
	for _, p := range []*party{w.ann, w.bob} {
		device := p.own.Device.ID()
		l.hex(p.name+": seed of the device", p.own.Device.Private().Seed())
		l.hex("  device ID", device[:])
		l.add("  peer ID, as text", device.String())
		l.hex("  recovery bytes", p.recovery)
		public := must(crypto.ParseRecovery(p.words)).Public()
		l.add("  recovery words", p.words)
		l.hex("  recovery key, public", public[:])
		l.hex("  salt of the genesis", p.salt)
		person := p.own.Person
		l.hex("  person ID, card head", person[:])
		l.hex("  store instance", p.own.Store[:])
		l.hex("  nonce", p.nonce[:])
	}
	return l.String()
}

func ids(w *talk) string {
	var l lines
	a, b := w.ann.own.Person, w.bob.own.Person
	direct, self, key := event.Direct(a, b), event.Self(a), event.KeyFor("lunch-2026-01-02")
	words := crypto.SafetyWords(a, b)
	l.hex("direct conversation", direct[:])
	l.hex("Ann's self conversation", self[:])
	l.add("safety words", strings.Join(words[:], " "))
	l.hex("key of lunch-2026-01-02", key[:])
	return l.String()
}

// tags are those of the group in the session, each made by its sender.
func tags(w *talk) string {
	var l lines
	for _, shared := range w.ann.groups.Shared(w.bob.own.Person) {
		l.hex("group", shared.ID[:])
		l.hex("secret", shared.Secret[:])
		l.hex("Ann's tag", groups.Tag(shared.Secret, w.ann.nonce, w.bob.nonce, w.ann.own.Device.ID()))
		l.hex("Bob's tag", groups.Tag(shared.Secret, w.bob.nonce, w.ann.nonce, w.bob.own.Device.ID()))
	}
	return l.String()
}

// events are the IDs of what the session brings.
func events(w *talk) string {
	var l lines
	for i, s := range w.onWire {
		f, err := wire.ParseFrame(s.bytes)
		w.check(err)
		var all []event.Event
		switch {
		case f.Run != nil:
			all = f.Run.Events
		case f.Welcome != nil:
			all = []event.Event{f.Welcome.Create, f.Welcome.Join}
		case f.Control != nil:
			all = f.Control.Events
		case f.Record != nil:
			hash := f.Record.Record.Hash()
			l.hex(fmt.Sprintf("hash of the record in %d", i+1), hash[:])
		}
		for k := range all {
			l.hex(fmt.Sprintf("ID of event %d in %d", k+1, i+1), all[k].ID[:])
		}
	}
	return l.String()
}

// shortOffer is what a machine offers of a group of five logs, and those logs.
func shortOffer(t *testing.T) (logs string, frame []byte) {
	w := newTalk(t)
	p := w.ann
	var l lines
	group := sync.Conversation{ID: event.Conversation{0x44}, OurTag: fill(0x55), PeerTag: fill(0x66), Follow: true,
		Locator: []crypto.Hash{{0x44}}, Logs: make(map[event.Log]event.Segments)}
	for i := range byte(5) {
		log := event.Log{Conversation: group.ID, Device: crypto.DeviceID(fill(0x70 + i)), Instance: event.Instance{i}}
		segments := event.Segments{{First: 1, Last: 10 + uint64(i), ID: event.ID(fill(0x80 + i))}}
		if i == 1 {
			segments = append(segments, event.Segment{First: 300, Last: 301, ID: event.ID(fill(0x90))})
		}
		group.Logs[log] = segments
		for _, g := range segments {
			l.hex("device", log.Device[:])
			l.hex("  instance", log.Instance[:])
			l.add("  first, last", fmt.Sprintf("%d, %d", g.First, g.Last))
			l.hex("  id", g.ID[:])
		}
	}
	for _, in := range []sync.Input{
		sync.Open{Card: p.own.Card.Bytes()},
		sync.Received{Frame: wire.Frame{Hello: &wire.Hello{Version: wire.Version, Nonce: w.bob.nonce}}},
		sync.Received{Frame: wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}}},
		sync.Received{Frame: wire.Frame{Identity: &wire.Identity{Card: w.bob.own.Card.Bytes()}}},
		sync.Joined{Own: p.own.Card.Devices(), Serve: true, Conversations: []sync.Conversation{group}},
	} {
		for _, e := range p.machine.Step(time.Time{}, in) {
			if send, ok := e.(sync.Send); ok {
				frame = send.Frame.Marshal()
			}
		}
	}
	return l.String(), frame
}

func fill(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// cuts are the roots of up to three statements.
func cuts() string {
	var l lines
	var all []crypto.Cut
	for i := range byte(4) {
		root := crypto.CutsRoot(all)
		l.hex(fmt.Sprintf("root of %d", i), root[:])
		if i == 3 {
			break
		}
		all = append(all, crypto.Cut{Salt: [16]byte(fill(i + 1)), Statement: []byte{i}})
		l.add(fmt.Sprintf("statement %d", i+1), fmt.Sprintf("salt %x, statement %x", all[i].Salt, all[i].Statement))
	}
	return l.String()
}

// gossip quotes the vectors that node/gossip checks against its code, up to the second payload.
func gossip(t *testing.T) string {
	t.Helper()
	var l lines
	for n, line := range linesOf(t, "gossip/testdata/envelopes.txt") {
		name, value, _ := strings.Cut(line, " ")
		if name == "control" {
			value = strings.Trim(value, "[]")
		}
		if n < 6 || n == 8 || n == 9 {
			l.add(name, value)
		}
	}
	return l.String()
}

// negotiation is how two sides agree on a protocol by multistream-select: what each writes until it
// has read all.
func negotiation(t *testing.T) string {
	t.Helper()
	var l lines
	for _, proto := range []string{"/tls/1.0.0", "/earshot/sync/1"} {
		a, b := net.Pipe()
		dialler, listener := &recorded{Conn: a}, &recorded{Conn: b}
		mux := multistream.NewMultistreamMuxer[string]()
		mux.AddHandler(proto, nil)
		var wait gosync.WaitGroup
		wait.Go(func() { _, _, _ = mux.Negotiate(listener) })
		if _, err := multistream.SelectOneOf([]string{proto}, io.ReadWriteCloser(dialler)); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
		l.hex("who opens, "+proto, dialler.written)
		l.hex("the other side", listener.written)
		_, _ = a.Close(), b.Close()
	}
	return l.String()
}

// recorded keeps what is written.
type recorded struct {
	net.Conn
	mu      gosync.Mutex
	written []byte
}

func (r *recorded) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.written = slices.Concat(r.written, b)
	r.mu.Unlock()
	return r.Conn.Write(b)
}
