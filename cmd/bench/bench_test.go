package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/chart"
	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/report"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestLostOrDouble(t *testing.T) {
	const first = 30_000
	var all []string
	for i := range w5Messages {
		all = append(all, string(floor.Message(first+i)))
	}
	swapped := slices.Clone(all)
	swapped[5], swapped[6] = swapped[6], swapped[5]
	for name, c := range map[string]struct {
		texts []string
		want  int
	}{
		"all":                     {all, 0},
		"none":                    {nil, w5Messages},
		"last lost":               {all[:w5Messages-1], 1},
		"one more":                {append(slices.Clone(all), all[7]), 1},
		"a stranger's at the end": {append(slices.Clone(all), "hello"), 1},
		"out of order":            {swapped, 2},
	} {
		var arrived []*earshotv1.Message
		for _, text := range c.texts {
			arrived = append(arrived, &earshotv1.Message{Text: text})
		}
		if got := lostOrDouble(arrived, first); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// Lines of an earlier run are drawn, all or none of them.
func TestRedraw(t *testing.T) {
	const ours, theirs = "earshot W1 p50_us 1323\n", "nats-js-always W1 p50_us 460.5\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"a run":       {ours + theirs, nil},
		"a malformed": {ours + theirs + "nats-js-always W1 p50_us\n", report.ErrMalformed},
		"nothing":     {ours, chart.ErrNothing},
	} {
		from, to := filepath.Join(t.TempDir(), "run.txt"), filepath.Join(t.TempDir(), "run.svg")
		if err := os.WriteFile(from, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), []string{"-from", from, "-chart", to}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if _, err := os.Stat(to); (err == nil) != (c.want == nil) {
			t.Errorf("%s: the picture: %v", name, err)
		}
		if err := run(t.Context(), []string{"-from", from}); err == nil {
			t.Errorf("%s: drawn, and nowhere", name)
		}
	}
}
