package main

import (
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/floor"
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
