package main

import (
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

func TestRatios(t *testing.T) {
	lines := func(texts ...string) (all []report.Line) {
		for _, text := range texts {
			l, err := report.Parse(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			all = append(all, l)
		}
		return all
	}
	for name, c := range map[string]struct {
		lines []report.Line
		want  []ratio
	}{
		"none": {},
		"a time, and a peer that nothing is compared with": {
			lines("earshot W1 p50_us 300", "floor W1 p50_us 200",
				"nats-js-default W1 p50_us 100", "nats-js-always W1 p50_us 400"),
			[]ratio{{"p50_over_nats_always", 0.75, 1}},
		},
		"a rate, and what is only beside": {
			lines("earshot W2 msgs_per_s 30000", "earshot W2 cpu_s 1", "earshot W2 cpu_all_s 2",
				"nats-js-default W2 msgs_per_s 20000", "nats-js-default W2 cpu_s 4"),
			[]ratio{{"rate_over_nats_default", 1.5, 1}, {"cpu_over_nats_default", 0.5, 0}},
		},
		"of two units": {
			lines("earshot W7 large_last50_ms 0.5", "sqlite-fts5 W7 last50_p50_us 250",
				"earshot W7 search_missing_ms 1", "sqlite-fts5 W7 search_p50_us 10"),
			[]ratio{{"last50_over_sqlite", 2, 0}, {"search_over_sqlite", 100, 0}},
		},
		"of one of two":            {lines("earshot W5 ms 300"), nil},
		"of the other of two":      {lines("nats-js-default W5 ms 300"), nil},
		"of another workload":      {lines("earshot W5 ms 300", "nats-js-default W4 ms 300"), nil},
		"a peer that took no time": {lines("earshot W5 ms 300", "nats-js-default W5 ms 0"), nil},
	} {
		if got := ratios(c.lines); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
