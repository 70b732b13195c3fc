package running

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestQuietHours(t *testing.T) {
	for text, want := range map[string]string{
		"off":                            "",
		"22:00-07:00":                    "[] 1320-420",
		"00:00-00:00 sat,sun":            "[6 7] 0-0",
		"18:30-08:00 mon-fri":            "[1 2 3 4 5] 1110-480",
		"18:30-08:00 Sat-Mon":            "[1 6 7] 1110-480",
		"12:00-13:00 wed,mon,wed":        "[1 3] 720-780",
		"12:00-13:00 mon 22:00-07:00":    "[1] 720-780, [] 1320-420",
		"12:00-13:00 22:00-23:59 sun":    "[] 720-780, [7] 1320-1439",
		"":                               "error",
		"off 22:00-07:00":                "error",
		"22:00":                          "error",
		"22:00-24:00":                    "error",
		"22-7":                           "error",
		"22:00-07:00-08:00":              "error",
		"22:00-07:00 weekend":            "error",
		"22:00-07:00 mon sun":            "error",
		"22:00-07:00 mon,":               "error",
		"mon":                            "error",
		strings.Repeat(" 1:00-2:00", 15): "error",
	} {
		all, err := quietHours(&cobra.Command{}, strings.Fields(text))
		var got []string
		for _, q := range all {
			got = append(got, fmt.Sprintf("%v %d-%d", q.Days, q.From, q.To))
		}
		if err != nil {
			got = []string{"error"}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %v (%v), want %s", text, got, err, want)
		}
	}
}
