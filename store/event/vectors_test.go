package event

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

var update = flag.Bool("update", false, "write testdata/vectors.txt anew")

const vectorsFile = "testdata/vectors.txt"

// A vector is the bytes of one thing; its name begins with the format.
type vector struct {
	name string
	b    []byte
}

func pattern(n int, first byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// fullHeader uses every field.
func fullHeader(device crypto.DeviceID) Header {
	return Header{
		Conversation: Conversation(pattern(32, 0x10)),
		Device:       device,
		Instance:     Instance(pattern(8, 0x20)),
		Sequence:     300,
		Previous:     ID(pattern(32, 0x30)),
		Seen: []Position{
			{Device: crypto.DeviceID(pattern(32, 0x01)), Instance: Instance(pattern(8, 0x41)), Sequence: 1, ID: ID(pattern(32, 0x42))},
			{Device: crypto.DeviceID(pattern(32, 0x01)), Instance: Instance(pattern(8, 0x42)), Sequence: MaxInteger, ID: ID(pattern(32, 0x43))},
		},
		Card:     crypto.Hash(pattern(32, 0x50)),
		Control:  []crypto.Hash{crypto.Hash(pattern(32, 0x60)), crypto.Hash(pattern(32, 0x61))},
		Clock:    1_700_000_000_123,
		Kind:     KindText,
		Flags:    FlagCritical,
		Lifetime: 86400,
		Key:      [16]byte(pattern(16, 0x70)),
	}
}

// fullBody uses every field.
func fullBody(content []byte) Body {
	return Body{
		Salt:    [16]byte(pattern(16, 0x80)),
		Content: content,
		Attachments: []Attachment{
			{
				Manifest: crypto.Hash(pattern(32, 0x90)), Size: 70000, Key: [32]byte(pattern(32, 0xa0)), Name: "Skäti.png", Type: "image/png",
				Flags: AttachedPicture, Preview: []byte{0xff, 0xd8}, Width: 640, Height: 480, Duration: 1500, Wave: []byte{1, 2, 3},
			},
			{Name: "b", Flags: AttachedFolder},
		},
		Extensions: []Extension{{Name: "a", Value: []byte{1}}, {Name: "é"}},
		Fallback:   "wörds",
	}
}

var controlNames = map[Kind]string{
	KindCreate: "create", KindInvite: "invite", KindLeave: "leave", KindRemove: "remove", KindRole: "role",
	KindRename: "rename", KindTopic: "topic", KindHistory: "history", KindMerge: "merge", KindCuts: "cuts",
}

// sampleControls returns one content of each kind, with every field in use.
func sampleControls() []Control {
	a, b := crypto.PersonID(pattern(32, 0x01)), crypto.PersonID(pattern(32, 0x02))
	cuts := fullHeader(crypto.DeviceID{}).Seen
	return []Control{
		Create{Person: a, Name: "Büro", Secret: [32]byte(pattern(32, 0xd0)), History: History{HistoryDays, 30}},
		Invite{Persons: []crypto.PersonID{a, b}},
		Leave{Cuts: cuts, Lists: []crypto.Hash{crypto.Hash(pattern(32, 0x60))}},
		Remove{Person: b, Cuts: cuts, Lists: []crypto.Hash{crypto.Hash(pattern(32, 0x60)), crypto.Hash(pattern(32, 0x70))}},
		RoleChange{Person: b, Role: RoleAdmin},
		Rename{Name: "Küche"},
		Topic{Topic: "who brings cake?"},
		History{Policy: HistoryAll},
		Merge{},
		CutList{Person: b, Cuts: cuts},
	}
}

// makeVectors makes one or more of every format from fixed keys and salts.
func makeVectors(t testing.TB) []vector {
	key, other := fixedKey(t, 1), fixedKey(t, 2)
	var all []vector
	add := func(name string, b []byte) { all = append(all, vector{name, b}) }
	addEvent := func(name string, e Event) {
		add("header "+name, e.HeaderBytes)
		add("body "+name, e.Body)
		add("id "+name, e.ID[:])
		add("signature "+name, e.Signature)
	}

	reply := ID(pattern(32, 0xb0))
	text, err := Text{Text: "grüß dich", ReplyTo: &reply}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	add("text", text)
	full := mustNew(t, fullHeader(key.ID()), fullBody(text))
	full.Sign(key)
	addEvent("full", full)
	least := mustNew(t, Header{Device: key.ID(), Sequence: 1, Kind: KindText}, Body{})
	least.Sign(key)
	addEvent("least", least)

	w := newWriter(t, 2)
	run := w.run(3)
	run.Tag = pattern(32, 0xc0)
	run.Number = 7
	run.Events[2].Withheld = WithholdPrevious | WithholdSeen(15)
	recall := newWriter(t, 1).recall(run.Events[0].ID)
	addEvent("recall", recall)
	run.Events[0] = gone(run.Events[0], Recalled)
	run.Events[1] = gone(run.Events[1], Dropped)
	run.Recalls = []Event{recall}
	add("run full", run.Marshal())
	one := Run{Events: []Event{least}}
	add("run one", one.Marshal())

	a, b := crypto.PersonID(pattern(32, 0x01)), crypto.PersonID(pattern(32, 0x02))
	direct, self, known := Direct(b, a), Self(a), KeyFor("order 4711")
	add("conversation direct", direct[:])
	add("conversation self", self[:])
	add("key", known[:])

	mention := []crypto.PersonID{a, b}
	if text, err = (Text{Text: "@Bøb: now?", Mentions: mention}).Marshal(); err != nil {
		t.Fatal(err)
	}
	add("text mention", text)
	edit, err := Edit{Text: "grüßt euch", Mentions: mention}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	add("edit", edit)
	reaction, err := Reaction{Emoji: "👍"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	add("reaction", reaction)
	addEvent("edit", newWriter(t, 1).append(KindEdit, edit, full.ID))
	for _, c := range sampleControls() {
		content, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		name := controlNames[c.Kind()]
		if len(content) > 0 {
			add(name, content)
		}
		addEvent(name, newWriter(t, 1).append(c.Kind(), content))
	}

	profile := Profile{Name: "Bøb"}.Marshal()
	add("profile", profile)
	receipt := Receipt{
		Delivered: []LogSegment{
			{Device: key.ID(), Instance: Instance{1}, Segment: Segment{First: 1, Last: 7, ID: least.ID}},
			{Device: key.ID(), Instance: Instance{1}, Segment: Segment{First: 9, Last: 300, ID: full.ID}},
			{Device: key.ID(), Instance: Instance{1}, Segment: Segment{First: 8, Last: 12, ID: full.ID}, Other: true},
		},
		Read: []LogSegment{{Device: key.ID(), Instance: Instance{1}, Segment: Segment{First: 1, Last: 1, ID: least.ID}}},
	}.Marshal()
	add("receipt", receipt)
	holdings := Holdings{
		Held: []HeldRange{
			{Device: key.ID(), Instance: Instance{1}, Range: Range{First: 1, Last: 7}},
			{Device: key.ID(), Instance: Instance{1}, Range: Range{First: 9, Last: 300}},
		},
		States: []HeldState{
			{Device: key.ID(), Instance: Instance{1}, Sequence: 8, States: []FileState{FileHeld, FileFetching, FileOffered}},
			{Device: key.ID(), Instance: Instance{2}, Sequence: 2, States: []FileState{FilePaused, FileDeclined, FileChanged}},
		},
	}.Marshal()
	add("holdings", holdings)
	for _, r := range []struct {
		name string
		Record
	}{
		{"profile", Record{Card: crypto.Hash(pattern(32, 0x50)), Kind: KindProfile, Subject: ProfileSubject(a), Counter: 1, Value: profile}},
		{"receipt", Record{Card: crypto.Hash(pattern(32, 0x50)), Kind: KindReceipt, Subject: ReceiptSubject(direct, b, Instance{3}), Counter: 1 << 40, Value: receipt}},
		{"holdings", Record{Card: crypto.Hash(pattern(32, 0x50)), Kind: KindHoldings, Subject: ReceiptSubject(direct, b, Instance{3}), Counter: 7, Value: holdings}},
		{"unknown", Record{Kind: 99, Counter: 2}},
	} {
		rec, err := NewRecord(other, r.Record)
		if err != nil {
			t.Fatal(err)
		}
		add("record "+r.name, rec.Bytes)
		add("signature record "+r.name, rec.Signature)
	}
	return all
}

// vectors reads the golden file; its lines are a name, a colon and hexadecimal.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	file, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(file)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if all[name], err = hex.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestVectors(t *testing.T) {
	made := makeVectors(t)
	if *update {
		var out bytes.Buffer
		for _, v := range made {
			fmt.Fprintf(&out, "%s: %x\n", v.name, v.b)
		}
		if err := os.WriteFile(vectorsFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden := vectors(t)
	for _, v := range made {
		if want := golden[v.name]; !bytes.Equal(v.b, want) {
			t.Errorf("%s: made %x, want %x", v.name, v.b, want)
		}
	}
	if len(golden) != len(made) {
		t.Errorf("%d vectors in the file, %d made", len(golden), len(made))
	}
}

// TestVectorsByOtherMeans holds hashes and signatures to FORMAT.md without the crypto package of
// this module.
func TestVectorsByOtherMeans(t *testing.T) {
	v := vectors(t)
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey)
	sum := func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }
	for _, name := range []string{"full", "least", "recall"} {
		input := "earshot/event/1\x00" + string(v["header "+name])
		if !bytes.Equal(v["id "+name], sum(input)) {
			t.Errorf("%s: wrong ID", name)
		}
		if !ed25519.Verify(public, []byte(input), v["signature "+name]) {
			t.Errorf("%s: wrong signature", name)
		}
		if !bytes.Contains(v["header "+name], sum("earshot/body/1\x00"+string(v["body "+name]))) {
			t.Errorf("%s: wrong body hash", name)
		}
	}
	a, b := string(pattern(32, 1)), string(pattern(32, 2))
	for name, want := range map[string][]byte{
		"conversation direct": sum("earshot/direct/1\x00" + a + b),
		"conversation self":   sum("earshot/self/1\x00" + a),
		"key":                 sum("earshot/key/1\x00order 4711")[:16],
	} {
		if !bytes.Equal(v[name], want) {
			t.Errorf("%s: %x, want %x", name, v[name], want)
		}
	}
}

func TestVectorsParse(t *testing.T) {
	v := vectors(t)
	e, err := Parse(v["header full"], v["body full"], Present, v["signature full"])
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != ID(v["id full"]) || !e.verified() {
		t.Error("full: wrong ID or signature")
	}
	h := fullHeader(fixedKey(t, 1).ID())
	h.BodyHash, h.BodySize = e.Header.BodyHash, e.Header.BodySize
	if got, want := fmt.Sprintf("%v", e.Header), fmt.Sprintf("%v", h); got != want {
		t.Errorf("header came back as %s, want %s", got, want)
	}
	b, err := e.ParseBody()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%v", b), fmt.Sprintf("%v", fullBody(v["text"])); got != want {
		t.Errorf("body came back as %s, want %s", got, want)
	}
	text, err := ParseText(b.Content)
	if err != nil || text.Text != "grüß dich" || text.ReplyTo == nil || *text.ReplyTo != ID(pattern(32, 0xb0)) {
		t.Errorf("text came back as %v, %v", text, err)
	}
	for _, name := range []string{"profile", "receipt", "holdings", "unknown"} {
		r, err := ParseRecord(v["record "+name], v["signature record "+name])
		if err != nil {
			t.Fatal(err)
		}
		if !r.Verify() {
			t.Errorf("record %s: wrong signature", name)
		}
	}
}
