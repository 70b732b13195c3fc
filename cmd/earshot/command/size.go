package command

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// units are what sizes are counted in.
var units = []struct {
	name  string
	bytes uint64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// Size reads a number of bytes: as 1000, 256MiB or 1.5 GB. Capital and small letters are the same.
func Size(c *cobra.Command, text string) (uint64, error) {
	number, unit := strings.TrimSpace(text), uint64(1)
	for _, u := range units {
		if at := len(number) - len(u.name); at > 0 && strings.EqualFold(number[at:], u.name) {
			number, unit = strings.TrimSpace(number[:at]), u.bytes
			break
		}
	}
	const most = 1 << 53 // what a float64 counts exactly, and more than any disk has
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" || v*float64(unit) > most {
		return 0, Usage(c, "SIZE "+Quote(text)+": use a number with kB, MB, GB, KiB, MiB or GiB, as 256MiB")
	}
	return uint64(v * float64(unit)), nil
}
