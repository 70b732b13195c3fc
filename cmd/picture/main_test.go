package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// The picture in the README shows the screen as it is.
func TestPictureIsOfTheScreen(t *testing.T) {
	frame, err := os.ReadFile("../earshot/panes/testdata/readme-100.ansi")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../.github/screen.svg")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := picture(&want, frame); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want.Bytes()) {
		t.Error("the screen is another one now: go run ./cmd/picture < cmd/earshot/panes/testdata/readme-100.ansi > .github/screen.svg")
	}
}

func TestPictureIsXML(t *testing.T) {
	var b bytes.Buffer
	if err := picture(&b, []byte("\x1b[1ma < b & \"c\"\x1b[0m \x1b[7;31mx\x1b[0m 日本 👍\n")); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`class="bold"`, "a &lt; b &amp;", `class="on c1"`, "日本 👍"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in\n%s", want, b.String())
		}
	}
}
