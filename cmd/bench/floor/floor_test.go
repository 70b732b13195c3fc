package floor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/process"
)

// TestMain lets the test's binary be the processes of a floor.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		if err := Run(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// folders names folders that are not there yet.
func folders(t *testing.T) func() string {
	dir, made := t.TempDir(), 0
	return func() string {
		made++
		return filepath.Join(dir, fmt.Sprint(made))
	}
}

func TestPair(t *testing.T) {
	far, near, err := Pair(t.Context(), folders(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		do       string
		n, times int
	}{{"echo", 3, 3}, {"commit", 2, 2}, {"sign", 2, 2}, {"check", 2, 2}, {"each", 3, 3}, {"group", 5000, 1}, {"group", 1, 1}} {
		took, err := near.Do(a.do, a.n)
		if err != nil {
			t.Fatal(err)
		}
		if len(took) != a.times || slices.Min(took) <= 0 {
			t.Errorf("%d × %s took %v", a.n, a.do, took)
		}
	}
	if err := near.Stop(); err != nil {
		t.Error(err)
	}
	if err := far.Stop(); err != nil {
		t.Error(err)
	}
}

// TestFan sends to some of the receivers and to all.
func TestFan(t *testing.T) {
	folder := folders(t)
	fan, servers, err := Fan(t.Context(), folder, 3)
	if err != nil {
		t.Fatal(err)
	}
	author, hearers, err := Gossip(t.Context(), folder, []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []int{2, 3} {
		for p, do := range map[*Process][]string{fan: {"check", "each"}, author: {""}} {
			for _, do := range do {
				took, err := p.Ask(Ask{Do: do, To: to, N: 3})
				if err != nil {
					t.Fatal(err)
				}
				if len(took) != 3 || slices.Min(took) <= 0 || slices.Max(took) > process.Patience {
					t.Errorf("%q to %d took %v", do, to, took)
				}
			}
		}
	}
	for _, p := range slices.Concat(servers, hearers, []*Process{fan, author}) {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestPull(t *testing.T) {
	folder := folders(t)
	const count = 10_000
	far, err := Holder(t.Context(), folder(), count)
	if err != nil {
		t.Fatal(err)
	}
	if took, err := Pull(t.Context(), folder(), far, count); err != nil || took <= 0 {
		t.Errorf("pulled in %v: %v", took, err)
	}
	if err := far.Stop(); err != nil {
		t.Error(err)
	}
}
