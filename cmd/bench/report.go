package main

import (
	"fmt"
	"slices"
	"time"
)

// out prints one result.
func out(peer, workload, metric string, value float64) {
	fmt.Printf("%s %s %s %.4g\n", peer, workload, metric, value)
}

// quantile returns the value below which the part q of all lies.
func quantile[T int64 | float64 | time.Duration](all []T, q float64) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

func median[T int64 | float64 | time.Duration](all []T) T { return quantile(all, 0.5) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// versus prints what earshot is to reach in a metric, and what it has reached.
func versus(workload, metric string, reached, target float64) {
	out("earshot", workload, metric, reached)
	out("target", workload, metric, target)
}
