package command

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1000": 1000, "5B": 5, "256MiB": 256 << 20, "1gb": 1e9, "1.5 kB": 1500, " 2GiB": 2 << 30, "0.5KiB": 512, "4TB": 4e12,
	} {
		if got, err := Size(&cobra.Command{}, text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1e3", "1 M", "NaN", "Inf", "0x10", "1_000", "10000000TB", "1..5MB", "B"} {
		if got, err := Size(&cobra.Command{}, text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
