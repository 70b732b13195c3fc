package talk

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// A DATE is on the clock of this machine unless it has a zone.
func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-28":                "2026-11-27T21:00:00Z",
		"2026-11-28T14:30":          "2026-11-28T11:30:00Z",
		"2026-11-28 14:30:05":       "2026-11-28T11:30:05Z",
		"2026-11-28T14:30:00Z":      "2026-11-28T14:30:00Z",
		"2026-11-28T14:30:00-01:00": "2026-11-28T15:30:00Z",
		"2026-11-28T14:30:00.5Z":    "2026-11-28T14:30:00.5Z",
	} {
		got, err := parseDate(text, time.FixedZone("", 3*3600))
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v (%v), want %s", text, got, err, want)
		}
	}
	if got, err := date(&cobra.Command{}, "--since", "", false); got != nil || err != nil {
		t.Errorf("none is %v, %v", got, err)
	}
}

// What a status leaves behind is blank, and nothing is written where there is no terminal.
func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	s := statusLine{out: &b, on: true}
	s.clear()
	s.put("searched back")
	s.put("to 山")
	s.clear()
	s.clear()
	if want := "searched back\r" + strings.Repeat(" ", 13) + "\rto 山\r     \r"; b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
	b.Reset()
	s = statusLine{out: &b}
	s.put("searched back")
	s.clear()
	if b.Len() > 0 {
		t.Errorf("off: %q", &b)
	}
}
