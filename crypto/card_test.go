package crypto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto/canon"
)

// longestCard has MaxLinks links of the larger kind.
func longestCard(t testing.TB) Card {
	t.Helper()
	c, _ := person(t, 1)
	for n := byte(2); n <= MaxLinks; n++ {
		// apply without a proof for each, which would take the square of the time
		l := signed(c, key(t, n-1), link{prev: c.Head(), kind: kindAdd, device: key(t, n).ID(), countersig: key(t, n).Countersign(c)})
		c.apply(l, Digest(domainLink, l.marshal()))
	}
	return must(t)(ParseCard(marshalCard(c.genesis, c.links)))
}

func TestNewPerson(t *testing.T) {
	c, recovery := person(t, 1)
	k := key(t, 1)
	if !c.Speaks(k.ID()) || !slices.Equal(c.Devices(), []DeviceID{k.ID()}) {
		t.Error("the first device does not speak")
	}
	if c.Head() != Hash(c.Person()) || !c.Includes(c.Head()) || c.genesis.recovery != recovery.Public() {
		t.Error("wrong head or recovery key")
	}
	random := counting(9)
	other, _, err := NewPerson(&random, k)
	if err != nil || other.Person() == c.Person() {
		t.Errorf("the same person again, or %v", err)
	}
	if _, _, err := NewPerson(io.LimitReader(&random, 47), k); err == nil {
		t.Error("made without randomness")
	}
}

func TestCardHistory(t *testing.T) {
	c := goldenCard(t)
	one, two, three := key(t, 1).ID(), key(t, 2).ID(), key(t, 3).ID()
	for at, want := range [][]bool{ // who speaks at each head: 1, 2, 3
		{true, false, false},
		{true, true, false},
		{true, true, true},
		{false, true, true},
		{false, true, false},
	} {
		for i, d := range []DeviceID{one, two, three} {
			if got := c.SpeaksAt(c.heads[at], d); got != want[i] {
				t.Errorf("device %d at head %d: %v", i+1, at, got)
			}
		}
		if !c.Includes(c.heads[at]) {
			t.Errorf("head %d not included", at)
		}
	}
	if !slices.Equal(c.Devices(), []DeviceID{two}) || c.Speaks(one) || !c.Speaks(two) || c.Speaks(key(t, 4).ID()) {
		t.Error("wrong devices in force")
	}
	if c.SpeaksAt(Hash{}, two) || c.Includes(Hash{}) {
		t.Error("unknown head")
	}
	for d, want := range map[DeviceID]*Hash{one: new(CutsRoot(cuts(3))), two: nil, three: new(CutsRoot(nil)), key(t, 4).ID(): nil} {
		root, ok := c.RevokedCuts(d)
		if ok != (want != nil) || ok && root != *want {
			t.Errorf("%s: cuts %x, %v", d, root, ok)
		}
	}
}

func TestRecoveryAfterTheLastDevice(t *testing.T) {
	c, recovery := person(t, 1)
	c = must(t)(c.Revoke(key(t, 1), key(t, 1).ID(), Hash{}))
	if c.Devices() != nil {
		t.Error("a device is left")
	}
	c = must(t)(c.Add(recovery, key(t, 2).ID(), key(t, 2).Countersign(c)))
	if !c.Speaks(key(t, 2).ID()) {
		t.Error("the recovered device does not speak")
	}
}

func TestExtendRefuses(t *testing.T) {
	c := goldenCard(t) // 2 is in force, 1 and 3 are revoked
	_, stranger := person(t, 9)
	_, recovery := person(t, 1)
	add := func(by Signer, n byte) error {
		_, err := c.Add(by, key(t, n).ID(), key(t, n).Countersign(c))
		return err
	}
	revoke := func(by Signer, n byte) error {
		_, err := c.Revoke(by, key(t, n).ID(), Hash{})
		return err
	}
	genesisOnly, _ := person(t, 1)
	other, _ := person(t, 9)
	countersigned := func(sig []byte) error {
		_, err := c.Add(key(t, 2), key(t, 4).ID(), sig)
		return err
	}
	for name, c := range map[string]struct {
		err   error
		cause string
	}{
		"revoked signer":                  {add(key(t, 1), 4), "may not change"},
		"revoked signer revokes":          {revoke(key(t, 3), 2), "may not change"},
		"unknown signer":                  {add(key(t, 4), 5), "may not change"},
		"adds itself":                     {add(key(t, 4), 4), "may not change"},
		"other person's recovery":         {add(stranger, 4), "may not change"},
		"device again":                    {add(key(t, 2), 2), "added before"},
		"revoked device again":            {add(key(t, 2), 1), "added before"},
		"revoked device by recovery":      {add(recovery, 1), "added before"},
		"revokes twice":                   {revoke(key(t, 2), 1), "not in force"},
		"revokes unknown":                 {revoke(recovery, 4), "not in force"},
		"no countersignature":             {countersigned(nil), "missing"},
		"countersigned for other head":    {countersigned(key(t, 4).Countersign(genesisOnly)), "wrong countersignature"},
		"countersigned for other person":  {countersigned(key(t, 4).Countersign(other)), "wrong countersignature"},
		"countersigned by other device":   {countersigned(key(t, 5).Countersign(c)), "wrong countersignature"},
		"countersigned in another domain": {countersigned(key(t, 4).Sign(domainLink, consent(c.Person(), c.Head(), key(t, 4).ID()))), "wrong countersignature"},
	} {
		if !errors.Is(c.err, ErrCard) || !strings.Contains(c.err.Error(), c.cause) {
			t.Errorf("%s: %v, want %q", name, c.err, c.cause)
		}
	}
}

func TestExtendLeavesTheCardAlone(t *testing.T) {
	c, _ := person(t, 1)
	c = must(t)(c.Add(key(t, 1), key(t, 2).ID(), key(t, 2).Countersign(c)))
	before := bytes.Clone(c.Bytes())
	a := must(t)(c.Add(key(t, 1), key(t, 3).ID(), key(t, 3).Countersign(c)))
	b := must(t)(c.Revoke(key(t, 1), key(t, 2).ID(), Hash{}))
	if !bytes.Equal(before, c.Bytes()) || !c.Speaks(key(t, 2).ID()) || !a.Speaks(key(t, 2).ID()) || b.Speaks(key(t, 2).ID()) {
		t.Error("branches of one card touch each other")
	}
}

func TestLongestCard(t *testing.T) {
	c := longestCard(t)
	if len(c.Bytes()) > MaxCard {
		t.Fatalf("%d links take %d bytes", MaxLinks, len(c.Bytes()))
	}
	n := byte(MaxLinks + 1)
	if _, err := c.Add(key(t, MaxLinks), key(t, n).ID(), key(t, n).Countersign(c)); !errors.Is(err, ErrCard) {
		t.Errorf("one more: %v", err)
	}
}

func TestParseCardKeepsItsOwnBytes(t *testing.T) {
	b := bytes.Clone(goldenCard(t).Bytes())
	c, err := ParseCard(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !bytes.Equal(c.Bytes(), goldenCard(t).Bytes()) {
		t.Error("the card changed with the input")
	}
}

func TestParseCardEveryPartCounts(t *testing.T) {
	b := goldenCard(t).Bytes()
	for i := 0; i < len(b); i += 5 { // no field is shorter, but for tags and lengths, see FuzzParseCard
		changed := bytes.Clone(b)
		changed[i] ^= 1 << (i % 8)
		if _, err := ParseCard(changed); !errors.Is(err, ErrCard) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	whole := 0
	for i := range b {
		if _, err := ParseCard(b[:i]); err == nil {
			whole++ // cut exactly between two links
		} else if !errors.Is(err, ErrCard) {
			t.Fatal(err)
		}
	}
	if whole != 4 {
		t.Errorf("%d beginnings are cards, want 4", whole)
	}
}

// signed is a link of c as whoever holds the key may forge it.
func signed(c Card, by Signer, l link) link {
	private := by.signer()
	l.signer = [32]byte(private.Public().(ed25519.PublicKey))
	l.sig = ed25519.Sign(private, separated(domainLink, l.marshal()))
	return l
}

func TestParseCardRefuses(t *testing.T) {
	c := goldenCard(t)
	g, links := c.genesis, c.links
	_, recovery := person(t, 1)
	// The golden card without its last link, and with another one instead.
	last := func(l link) []byte { return marshalCard(g, append(slices.Clone(links[:3]), l)) }
	revoke := link{prev: c.heads[3], kind: kindRevoke, device: key(t, 3).ID()}
	if _, err := ParseCard(last(signed(c, key(t, 2), revoke))); err != nil {
		t.Fatal(err)
	}
	regenesis := func(by DeviceKey, change func(*genesis)) []byte {
		g := g
		change(&g)
		g.sig = nil
		g.sig = by.Sign(domainGenesis, g.marshal())
		return marshalCard(g, nil)
	}
	raw := func(b []byte, elements ...[]byte) []byte {
		var w canon.Writer
		w.Bytes(1, b)
		for _, e := range elements {
			w.Element(2, e)
		}
		return w.Out()
	}
	add := link{prev: c.heads[3], kind: kindAdd, device: DeviceID(recovery.Public())}
	add.countersig = ed25519.Sign(recovery.signer(), separated(domainCountersign, consent(c.Person(), add.prev, add.device)))

	for name, c := range map[string]struct {
		in    []byte
		cause string
	}{
		"empty":                {nil, "version 0"},
		"too large":            {make([]byte, MaxCard+1), "more than 16384"},
		"trailing":             {append(bytes.Clone(c.Bytes()), 0), "unexpected field 0"},
		"trailing field":       {append(bytes.Clone(c.Bytes()), 0x18, 1), "unexpected field 3"},
		"links first":          {append(raw(nil, links[0].marshal()), raw(g.marshal())...), "unexpected field 1"},
		"genesis twice":        {append(raw(g.marshal()), raw(g.marshal())...), "unexpected field 1"},
		"long length":          {append([]byte{0x0a, 0x9a, 0x81, 0x00}, g.marshal()...), "bad varint"},
		"empty link":           {raw(g.marshal(), nil), "kind 0"},
		"large link":           {raw(g.marshal(), make([]byte, maxLink+1)), "more than 512"},
		"too many links":       {raw(g.marshal(), make([][]byte, MaxLinks)...), "more than 63"},
		"reordered":            {marshalCard(g, []link{links[1], links[0]}), "link 1: does not follow"},
		"left out":             {marshalCard(g, []link{links[0], links[2]}), "link 2: does not follow"},
		"link twice":           {marshalCard(g, []link{links[0], links[0]}), "link 2: does not follow"},
		"prev mismatch":        {last(signed(c, key(t, 2), with(revoke, func(l *link) { l.prev[0] ^= 1 }))), "does not follow"},
		"revoked signer":       {last(signed(c, key(t, 1), revoke)), "may not change"},
		"unknown signer":       {last(signed(c, key(t, 9), revoke)), "may not change"},
		"signer not the key":   {last(with(signed(c, key(t, 9), revoke), func(l *link) { l.signer = key(t, 2).ID() })), "wrong signature"},
		"cuts changed":         {last(with(signed(c, key(t, 2), revoke), func(l *link) { l.cuts[0] ^= 1 })), "wrong signature"},
		"device changed":       {last(with(signed(c, key(t, 2), revoke), func(l *link) { l.device = key(t, 2).ID() })), "wrong signature"},
		"unknown kind":         {last(signed(c, key(t, 2), with(revoke, func(l *link) { l.kind = 3 }))), "unknown kind 3"},
		"revoke countersigned": {last(signed(c, key(t, 2), with(revoke, func(l *link) { l.countersig = make([]byte, 64) }))), "unexpected field 6"},
		"recovery as device":   {last(signed(c, key(t, 2), add)), "recovery key as a device"},
		"other genesis":        {regenesis(key(t, 9), func(*genesis) {}), "genesis: wrong signature"},
		"unsigned genesis":     {raw(with(g, func(g *genesis) { g.sig = nil }).marshal()), "field 5: missing"},
		"weak recovery":        {regenesis(key(t, 1), func(g *genesis) { g.recovery = [32]byte{} }), "weak recovery key"},
		"recovery is device":   {regenesis(key(t, 1), func(g *genesis) { g.recovery = g.device }), "recovery key is the device's"},
		"weak device":          {regenesis(key(t, 1), func(g *genesis) { g.device = DeviceID{1} }), "wrong signature"},
	} {
		if _, err := ParseCard(c.in); !errors.Is(err, ErrCard) || !strings.Contains(err.Error(), c.cause) {
			t.Errorf("%s: %v, want %q", name, err, c.cause)
		}
	}
}

// with returns v, changed.
func with[T any](v T, change func(*T)) T { change(&v); return v }

func TestParseCardOfLaterVersion(t *testing.T) {
	var g, w canon.Writer
	g.Uint(1, 2)
	g.Uint(77, 1)
	w.Bytes(1, g.Out())
	if _, err := ParseCard(w.Out()); !errors.Is(err, ErrNewer) || !errors.Is(err, ErrCard) {
		t.Error(err)
	}
}

// Choose in all combinations: every two of these cards of one person, whose names
// stand in the order in which they win.
func TestChoose(t *testing.T) {
	start, recovery := person(t, 1)
	base := must(t)(start.Add(key(t, 1), key(t, 2).ID(), key(t, 2).Countersign(start)))
	base = must(t)(base.Add(key(t, 2), key(t, 3).ID(), key(t, 3).Countersign(base)))
	revoke := func(c Card, by Signer, n byte, cuts byte) Card {
		t.Helper()
		return must(t)(c.Revoke(by, key(t, n).ID(), Hash{cuts}))
	}
	add := func(c Card, by Signer, n byte) Card {
		t.Helper()
		return must(t)(c.Add(by, key(t, n).ID(), key(t, n).Countersign(c)))
	}
	// Two branches that one key began the same way differ by hash alone.
	byHash := func(by Signer) (lower, higher Card) {
		lower, higher = revoke(base, by, 3, 1), revoke(base, by, 3, 2)
		if a, b := lower.Head(), higher.Head(); bytes.Compare(a[:], b[:]) > 0 {
			lower, higher = higher, lower
		}
		return lower, higher
	}
	recovered1, recovered2 := byHash(recovery)
	first1, first2 := byHash(key(t, 1))
	second1, second2 := byHash(key(t, 2))
	type named struct {
		name string
		card Card
	}
	ranked := []named{
		{"recovery, lower hash, longer", add(recovered1, key(t, 1), 4)},
		{"recovery, lower hash", recovered1},
		{"recovery, higher hash, longer", add(add(recovered2, key(t, 1), 4), key(t, 1), 5)},
		{"recovery, higher hash", recovered2},
		{"first device, recovery later", revoke(first1, recovery, 2, 0)},
		{"youngest device, recovery later", revoke(revoke(base, key(t, 3), 2, 0), recovery, 1, 0)},
		{"first device, lower hash, longer", add(first1, key(t, 1), 4)},
		{"first device, lower hash", first1},
		{"first device, higher hash, longer", add(add(first2, key(t, 1), 4), key(t, 4), 5)},
		{"first device, higher hash", first2},
		{"second device, lower hash", second1},
		{"second device, higher hash, longest", add(add(add(second2, key(t, 1), 4), key(t, 4), 5), key(t, 1), 6)},
		{"second device, higher hash", second2},
		{"youngest device, long", add(add(revoke(base, key(t, 3), 2, 0), key(t, 1), 4), key(t, 4), 5)},
		{"youngest device", revoke(base, key(t, 3), 2, 0)},
		{"base", base},
		{"genesis", start},
	}
	for i, a := range ranked {
		for j, b := range ranked {
			want := ranked[min(i, j)]
			got, forked := Choose(a.card, b.card)
			if got.Head() != want.card.Head() {
				t.Errorf("%s and %s: chose the wrong one", a.name, b.name)
			}
			if extends := a.card.Includes(b.card.Head()) || b.card.Includes(a.card.Head()); forked == extends {
				t.Errorf("%s and %s: forked %v", a.name, b.name, forked)
			}
		}
	}
}

func TestChooseOfTwoPersons(t *testing.T) {
	a, _ := person(t, 1)
	b, _ := person(t, 2)
	for _, c := range []Card{b, {}} {
		if got, forked := Choose(a, c); got.Head() != a.Head() || forked {
			t.Error("the other person's card was chosen")
		}
	}
}

func FuzzParseCard(f *testing.F) {
	f.Add(readGolden(f, "genesis.hex"))
	f.Add(readGolden(f, "card.hex"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCard(b)
		if err != nil {
			if !errors.Is(err, ErrCard) {
				t.Fatal(err)
			}
			return
		}
		if again := marshalCard(c.genesis, c.links); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}

// BenchmarkGrindPersonID counts how many person IDs one core can try, to have one that begins as
// another person's does. Whoever does that needs no new key for each: they keep the nonce of their
// signatures, which gives away a key that is used for nothing else, and change the salt. What is left of
// a try is a hash for the signature, some arithmetic, which is left out here, and the hash that is the
// ID. So nobody is quicker on this machine. The short IDs of package cmd/earshot/label go by this.
func BenchmarkGrindPersonID(b *testing.B) {
	card, _ := person(b, 1)
	g := card.genesis
	signed := genesis{device: g.device, recovery: g.recovery, salt: g.salt}.marshal()
	nonce := append(append(slices.Clone(g.sig[:32]), g.device[:]...), separated(domainGenesis, signed)...)
	all := g.marshal()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(nonce[len(nonce)-8:], uint64(i)) // the end of the salt
		s := sha512.Sum512(nonce)
		copy(all[len(all)-32:], s[:32])
		if id := Digest(domainGenesis, all); id == (Hash{}) {
			b.Fatal("found")
		}
	}
	perTry := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(perTry*(1<<32)/3600, "hours/8-digits")
	b.ReportMetric(perTry*math.Pow(2, 64)/3600/24/365, "years/16-digits")
}
