package report_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]report.Line{
		"nats-js-always W1 p50_us 123.5":                  {Peer: "nats-js-always", Workload: "W1", Metric: "p50_us", Value: 123.5},
		"libp2p-tls+store-A.par-log-B.log W2 cpu_s 0.42":  {Peer: "libp2p-tls+store-A.par-log-B.log", Workload: "W2", Metric: "cpu_s", Value: 0.42},
		"earshot W11 ready_ms 2.345e+04":                  {Peer: "earshot", Workload: "W11", Metric: "ready_ms", Value: 23450},
		"tox-1ms W2 msgs_per_s 1e-05":                     {Peer: "tox-1ms", Workload: "W2", Metric: "msgs_per_s", Value: 0.00001},
		"machine all processors 2":                        {Peer: "machine", Workload: "all", Metric: "processors", Value: 2},
		"earshot W7 search_rss_mib -0.5":                  {Peer: "earshot", Workload: "W7", Metric: "search_rss_mib", Value: -0.5},
		"":                                                {},
		"nats-js-always W1 p50_us":                        {},
		"nats-js-always W1 p50_us ":                       {},
		"nats-js-always W1 p50_us 1 2":                    {},
		"nats-js-always W1 p50_us 1\r":                    {},
		"nats-js-always  W1 p50_us 1":                     {},
		" nats-js-always W1 p50_us 1":                     {},
		"nats W123 p50_us 1":                              {},
		"nats fsync p50_us 1":                             {},
		"nats W1 p50<us 1":                                {},
		"na\x1b[2Jts W1 p50_us 1":                         {},
		"nats W1 p50_us NaN":                              {},
		"nats W1 p50_us inf":                              {},
		"nats W1 p50_us 1e+999":                           {},
		"nats W1 p50_us 0x10":                             {},
		"nats W1 p50_us 1_000":                            {},
		"nats W1 p50_us " + strings.Repeat("1", 30):       {},
		strings.Repeat("n", 65) + " W1 p50_us 1":          {},
		"nats W1 " + strings.Repeat("m", 65) + " 1":       {},
		"FATAL: dial tcp 127.0.0.1:4299: no such machine": {},
	} {
		got, err := report.Parse(text)
		if got != want || (err == nil) != (want != report.Line{}) || err != nil && !errors.Is(err, report.ErrMalformed) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
		if again, err := report.Parse(want.String()); want.Peer != "" && (err != nil || again != want) {
			t.Errorf("%q is printed as %q", text, want)
		}
	}
}

func TestScan(t *testing.T) {
	const good = "nats W1 p50_us 5\n"
	for name, c := range map[string]struct {
		text       string
		lines, bad int
		fails      bool
	}{
		"none":                  {"", 0, 0, false},
		"between malformed":     {"x\n" + good + "\n" + good[:len(good)-1], 2, 2, false},
		"as many as there may":  {strings.Repeat(good, 10_000), 10_000, 0, false},
		"one more":              {strings.Repeat(good, 10_001), 10_000, 0, true},
		"longer than there may": {good + strings.Repeat("x", 300) + "\n" + good, 1, 0, true},
	} {
		lines, bad := 0, 0
		err := report.Scan(strings.NewReader(c.text), func(l report.Line, text string, err error) {
			if err != nil {
				bad++
			} else if lines++; l.Value != 5 || text+"\n" != good {
				t.Errorf("%s: %v of %q", name, l, text)
			}
		})
		if lines != c.lines || bad != c.bad || (err != nil) != c.fails {
			t.Errorf("%s: %d lines, %d malformed, %v", name, lines, bad, err)
		}
	}
}

// What is printed is kept as it was measured.
func TestPrinted(t *testing.T) {
	before := len(report.Printed())
	report.Versus("W1", "p50_over_floor", 1.23456789, 1.6)
	got := report.Printed()[before:]
	want := []report.Line{
		{Peer: "earshot", Workload: "W1", Metric: "p50_over_floor", Value: 1.23456789},
		{Peer: "target", Workload: "W1", Metric: "p50_over_floor", Value: 1.6},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, want %v", got, want)
	}
}
