package event

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// again parses b by a format's own parser and returns what Marshal makes of it.
type again func(b []byte) ([]byte, error)

var formats = map[string]again{
	"header": func(b []byte) ([]byte, error) {
		h, err := ParseHeader(b)
		return h.marshal(), err
	},
	"body": func(b []byte) ([]byte, error) {
		body, err := parseBody(b)
		if err != nil {
			return nil, err
		}
		return body.marshal()
	},
	"text": func(b []byte) ([]byte, error) {
		text, err := ParseText(b)
		if err != nil {
			return nil, err
		}
		return text.Marshal()
	},
	"edit": func(b []byte) ([]byte, error) {
		edit, err := ParseEdit(b)
		if err != nil {
			return nil, err
		}
		return edit.Marshal()
	},
	"reaction": func(b []byte) ([]byte, error) {
		reaction, err := ParseReaction(b)
		if err != nil {
			return nil, err
		}
		return reaction.Marshal()
	},
	"create":  control(KindCreate),
	"invite":  control(KindInvite),
	"leave":   control(KindLeave),
	"remove":  control(KindRemove),
	"role":    control(KindRole),
	"rename":  control(KindRename),
	"topic":   control(KindTopic),
	"history": control(KindHistory),
	"merge":   control(KindMerge),
	"cuts":    control(KindCuts),
	"run": func(b []byte) ([]byte, error) {
		run, err := ParseRun(b)
		if err != nil {
			return nil, err
		}
		if err := run.Prove(); err != nil && !errors.Is(err, ErrUnproven) {
			return nil, errors.New("wrong sentinel: " + err.Error())
		}
		return run.Marshal(), err
	},
	"record": func(b []byte) ([]byte, error) {
		r, err := ParseRecord(b, make([]byte, crypto.SignatureSize))
		return r.marshal(), err
	},
	"profile": func(b []byte) ([]byte, error) {
		p, err := ParseProfile(b)
		return p.Marshal(), err
	},
	"receipt": func(b []byte) ([]byte, error) {
		r, err := ParseReceipt(b)
		return r.Marshal(), err
	},
	"holdings": func(b []byte) ([]byte, error) {
		h, err := ParseHoldings(b)
		return h.Marshal(), err
	},
}

func control(k Kind) again {
	return func(b []byte) ([]byte, error) {
		c, err := ParseControl(k, b)
		if err != nil {
			return nil, err
		}
		if c.Kind() != k {
			return nil, errors.New("of another kind")
		}
		return c.Marshal()
	}
}

// strict fails unless b is refused, or has no other encoding.
func strict(t *testing.T, format string, b []byte) {
	t.Helper()
	switch back, err := formats[format](b); {
	case err != nil && !errors.Is(err, ErrMalformed):
		t.Fatalf("%s %x: %v", format, b, err)
	case err == nil && !bytes.Equal(back, b):
		t.Fatalf("%s %x: came back as %x", format, b, back)
	}
}

func fuzz(f *testing.F, format string) {
	for name, b := range vectors(f) {
		if name == format || strings.HasPrefix(name, format+" ") {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { strict(t, format, b) })
}

func FuzzHeader(f *testing.F)   { fuzz(f, "header") }
func FuzzBody(f *testing.F)     { fuzz(f, "body") }
func FuzzText(f *testing.F)     { fuzz(f, "text") }
func FuzzEdit(f *testing.F)     { fuzz(f, "edit") }
func FuzzReaction(f *testing.F) { fuzz(f, "reaction") }
func FuzzCreate(f *testing.F)   { fuzz(f, "create") }
func FuzzInvite(f *testing.F)   { fuzz(f, "invite") }
func FuzzLeave(f *testing.F)    { fuzz(f, "leave") }
func FuzzRemove(f *testing.F)   { fuzz(f, "remove") }
func FuzzRole(f *testing.F)     { fuzz(f, "role") }
func FuzzRename(f *testing.F)   { fuzz(f, "rename") }
func FuzzTopic(f *testing.F)    { fuzz(f, "topic") }
func FuzzHistory(f *testing.F)  { fuzz(f, "history") }
func FuzzRun(f *testing.F)      { fuzz(f, "run") }
func FuzzRecord(f *testing.F)   { fuzz(f, "record") }
func FuzzProfile(f *testing.F)  { fuzz(f, "profile") }
func FuzzReceipt(f *testing.F)  { fuzz(f, "receipt") }
func FuzzHoldings(f *testing.F) { fuzz(f, "holdings") }

// TestStrictness bends every vector at every bit and cuts it at every byte.
func TestStrictness(t *testing.T) {
	for name, b := range vectors(t) {
		format, _, _ := strings.Cut(name, " ")
		if formats[format] == nil {
			continue
		}
		if back, err := formats[format](b); err != nil || !bytes.Equal(back, b) {
			t.Errorf("%s: came back as %x, %v", name, back, err)
		}
		for i := range b {
			strict(t, format, b[:i])
			strict(t, format, append(bytes.Clone(b), b[:i]...))
			for bit := range 8 {
				c := bytes.Clone(b)
				c[i] ^= 1 << bit
				strict(t, format, c)
			}
		}
	}
}
