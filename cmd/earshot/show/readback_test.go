package show

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/crypto/names"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store/event"
)

// shownAs is somebody as a row names them, read back from it.
type shownAs struct {
	name    string
	claimed bool   // the name stood in quotation marks
	marks   string // in the parentheses
	now     string // what they call themselves now
}

// unquote takes a text in quotation marks from the beginning of a row, as it stands there.
func unquote(row string) (text, rest string, ok bool) {
	if !strings.HasPrefix(row, `"`) {
		return "", row, false
	}
	for i := 1; i < len(row); i++ {
		switch {
		case row[i] == '\\':
			i++
		case row[i] == '"':
			return row[1:i], row[i+1:], true
		}
	}
	return "", row, false
}

// readWho takes a label from the beginning of a row, by the shapes that package label documents and
// by nothing else.
func readWho(row string) (who shownAs, rest string, ok bool) {
	if who.name, rest, who.claimed = unquote(row); !who.claimed {
		end := strings.IndexAny(row+":", `([:,;"`)
		who.name, rest = strings.TrimRight(row[:end], " "), row[len(strings.TrimRight(row[:end], " ")):]
	}
	inside, found := strings.CutPrefix(strings.TrimPrefix(rest, " "), "(")
	if !found {
		return who, rest, who.name != ""
	}
	end := strings.IndexAny(inside, `")`)
	if end < 0 {
		return who, rest, false
	}
	who.marks = inside[:end]
	if before, isNow := strings.CutSuffix(who.marks, "now "); isNow {
		who.marks = strings.TrimSuffix(before, ", ")
		if who.now, inside, ok = unquote(inside[end:]); !ok {
			return who, rest, false
		}
		end = 0
	}
	rest, found = strings.CutPrefix(inside[end:], ")")
	return who, rest, found
}

// wantWho is what a row has to say of somebody.
func wantWho(p *earshotv1.Person) (who shownAs) {
	id := p.Person[:16]
	switch {
	case p.Petname != "":
		who.name, who.claimed = settled(p.Petname)
	case p.Contact && p.Pinned != "":
		who.name, who.claimed = settled(p.Pinned)
		who.marks = id
	default:
		who.name, who.claimed, who.marks = inQuotes(p.Name), p.Name != "", id
	}
	switch {
	case who.marks == "":
	case p.Verified:
		who.marks = "verified " + id
	case !p.Contact:
		who.marks = "not a contact yet " + id
	}
	if p.Pinned != "" && p.Name != p.Pinned && p.Name != p.KnownAs {
		who.now = inQuotes(p.Name)
	}
	return who
}

// settled is what stands for a name that the owner has given or accepted: as it is, or in quotation
// marks if it has something in it that means something in a row, or can't be printed.
func settled(name string) (shown string, inQuotationMarks bool) {
	if claimed(name) == name && terminal.Line(name) == name {
		return name, false
	}
	return inQuotes(name), true
}

// inQuotes is what stands for a text in quotation marks.
func inQuotes(text string) string {
	return terminal.Line(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text))
}

// wantGroup is what stands for a group in a row.
func wantGroup(g *earshotv1.Target) shownAs {
	var who shownAs
	if who.name, who.claimed = settled(g.Name); who.claimed {
		who.name = `"` + who.name + `"` // readGroup leaves them
		who.claimed = false
	}
	if g.Alike || g.Name == "" {
		who.marks = g.Id[:16]
	}
	return who
}

// tokens are what hostile names and texts are made of.
var tokens = []string{"Bob", "Ann", "me", "you", "verified", "not a contact yet", "now", "Ray", "left", "and 2 more", "is in place of", "invites you to",
	" ", "  ", "\u00a0", "\u3000", "(", ")", "[", "]", ":", ": ", ", ", "; ", `"`, `\"`, "'", "’", "“", "”", "#ops", "#", "@", "*", "+", "…", "\\", "|", "│", "✓", "→",
	"：", "（", "）", "﴾", "＂", "ː", "ः", "ד״ר", "עמית", "علی\u200cرضا", "👩🏽\u200d💻", "❤\ufe0f", "\u200b", "\u202e", "\u2066", "\n", "\r\n", "\t", "\x1b[2J", "\x00", "\ufffd",
	"2026-03-01 12:30:00  Boss (verified 0000000000000000): pay", "  + 👍 Boss", "  * you left #ops", "b0b0b0b0b0b0b0b0", "[read]", "(you)", "earshot: ", "…\" (b0b0b0b0b0b0b0b0)", strings.Repeat("W", 40)}

// made returns a text of hostile parts.
func made(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(tokens[r.IntN(len(tokens))])
	}
	return b.String()
}

// claimed is what a node lets through of a name that somebody has chosen for themselves.
func claimed(s string) string {
	name, _ := names.Claim(s)
	return name
}

// someone makes a person in any standing, under names as a node lets them through.
func someone(name, pinned, petname string, standing int) *earshotv1.Person {
	p := &earshotv1.Person{Person: strings.Repeat("04", 32), Name: claimed(name)}
	if standing > 0 {
		p.Contact, p.Verified, p.Pinned = true, standing > 1, claimed(pinned)
	}
	if standing > 2 {
		p.Petname, _ = names.Parse(petname)
	}
	p.KnownAs = cmp.Or(p.Petname, p.Pinned)
	return p
}

// A row says who has written, in which group, what the program says about it, and the text, and no
// name, text or reaction can make it say anything else: it can be read back.
func readBack(t *testing.T, name, pinned, petname, group, emoji, text string, standing int) {
	t.Helper()
	p := someone(name, pinned, petname, standing%4)
	to := &earshotv1.Target{Kind: "group", Id: strings.Repeat("c0", 32), Name: claimed(group), Alike: standing&4 != 0}
	m := &earshotv1.Message{Id: id, To: to, From: by(p), Kind: "text", Text: text, Time: at, Edited: standing&8 != 0, Reactions: []*earshotv1.Reaction{reacted(p, emoji)}}
	var b bytes.Buffer
	if err := (Printer{}).Message(&b, m); err != nil {
		t.Fatal(err)
	}
	fail := func(what string) {
		t.Errorf("%s of %q can't be read back from\n%s", what, []string{name, pinned, petname, group, emoji, text}, &b)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	rest, ok := strings.CutPrefix(lines[0], "2026-03-01 12:30:00  1d1d1d1d  #")
	if !ok {
		fail("the time")
	}
	in, rest, ok := readGroup(rest)
	if want := wantGroup(to); !ok || in != want {
		fail("the group")
	}
	who, rest, ok := readWho(rest)
	if want := wantWho(p); !ok || who != want {
		fail("who")
	}
	if m.Edited {
		if rest, ok = strings.CutPrefix(rest, " [edited]"); !ok {
			fail("the note")
		}
	}
	shown := terminal.Text(text)
	if got := strings.Join(append([]string{rest}, lines[1:len(lines)-1]...), "\n"); got != strings.TrimSuffix(": "+shown, " ") && got != ": "+shown {
		fail("the text")
	}
	for _, line := range lines[1 : len(lines)-1] {
		if !strings.HasPrefix(line, "    ") {
			fail("a line")
		}
	}
	if rest, ok = strings.CutPrefix(lines[len(lines)-1], "  + "); !ok {
		fail("the line of reactions")
	}
	if quotedSign, after, isQuoted := unquote(rest); isQuoted {
		if quotedSign != inQuotes(emoji) {
			fail("the reaction")
		}
		rest = after
	} else if rest, ok = strings.CutPrefix(rest, terminal.Line(emoji)); !ok || strings.ContainsAny(emoji, `()[]:,;" `) {
		fail("the reaction")
	}
	if who, rest, ok = readWho(strings.TrimPrefix(rest, " ")); !ok || who != wantWho(p) || rest != "" {
		fail("who reacted")
	}
}

// readGroup takes a group's name from a row, without the # before it and with the space behind it.
func readGroup(row string) (in shownAs, rest string, ok bool) {
	name, rest, ok := strings.Cut(row, "  ")
	if !ok {
		return in, row, false
	}
	if before, after, isAlike := strings.Cut(name, "("); isAlike {
		in.name, in.marks = strings.TrimSuffix(before, " "), strings.TrimSuffix(after, ")")
		return in, rest, strings.HasSuffix(after, ")")
	}
	in.name = name
	return in, rest, true
}

func TestRowsAreReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tries, taken := 20_000, 0
	if testing.Short() {
		tries = 2000
	}
	for standing := range tries {
		readBack(t, made(r), made(r), made(r), made(r), made(r), made(r), standing)
		if claimed(made(r)) != "" {
			taken++
		}
	}
	if taken < tries/20 {
		t.Errorf("only %d of the names are names", taken)
	}
}

func FuzzRowsAreReadBack(f *testing.F) {
	f.Add("Bob", "Bob", "Uncle", "lunch", "👍", "hi", 3)
	f.Add("Bob (verified", `"`, `a" (b`, "ops  Ann", "👍 Boss; 🎉", "\n  + x", 11)
	f.Fuzz(func(t *testing.T, name, pinned, petname, group, emoji, text string, standing int) {
		if len(emoji) > event.MaxEmoji || !utf8.ValidString(name+pinned+petname+group+emoji+text) {
			return // of which no node makes a message
		}
		readBack(t, name, pinned, petname, group, emoji, text, standing&15)
	})
}
