package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

// TestMain lets the test's binary be the processes of a floor.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

func TestFloors(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	far, near, err := b.floorPair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		do       string
		n, times int
	}{{"echo", 3, 3}, {"commit", 2, 2}, {"sign", 2, 2}, {"check", 2, 2}, {"each", 3, 3}, {"group", 5000, 1}, {"group", 1, 1}} {
		took, err := near.do(a.do, a.n)
		if err != nil {
			t.Fatal(err)
		}
		if len(took) != a.times || slices.Min(took) <= 0 {
			t.Errorf("%d × %s took %v", a.n, a.do, took)
		}
	}
	if err := near.stop(); err != nil {
		t.Error(err)
	}
	if err := far.stop(); err != nil {
		t.Error(err)
	}
}

// TestFan sends to some of the receivers and to all.
func TestFan(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	fan, servers, err := b.fanOut(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	author, hearers, err := b.gossips(t.Context(), []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []int{2, 3} {
		for p, do := range map[*process][]string{fan: {"check", "each"}, author: {""}} {
			for _, do := range do {
				took, err := p.ask(ask{Do: do, To: to, N: 3})
				if err != nil {
					t.Fatal(err)
				}
				if len(took) != 3 || slices.Min(took) <= 0 || slices.Max(took) > patience {
					t.Errorf("%q to %d took %v", do, to, took)
				}
			}
		}
	}
	for _, p := range slices.Concat(servers, hearers, []*process{fan, author}) {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestPull(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	far, err := b.holder(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if took, err := b.w5Floor(t.Context(), far); err != nil || took <= 0 {
		t.Errorf("pulled in %v: %v", took, err)
	}
	if err := far.stop(); err != nil {
		t.Error(err)
	}
}

func TestLostOrDouble(t *testing.T) {
	const first = 30_000
	var all []string
	for i := range w5Messages {
		all = append(all, string(message(first+i)))
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
		var arrived []*controlv1.Message
		for _, text := range c.texts {
			arrived = append(arrived, &controlv1.Message{Text: text})
		}
		if got := lostOrDouble(arrived, first); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	all := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := quantile(all, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if all[0] != 5 {
		t.Error("the values were moved")
	}
}
