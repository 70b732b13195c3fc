// Package report prints what the bench has measured: lines `PEER WORKLOAD METRIC VALUE` on standard output, and
// nothing else. It keeps the lines of the run for what is made of them later, and reads lines that other programs
// print. It also has the few sums that are done with what was measured.
//
// The lines of a run belong to the goroutine that prints them.
package report

import (
	"fmt"
	"slices"
	"time"
)

// printed is all that this process has printed, in order.
var printed []Line

// Out prints one result.
func Out(peer, workload, metric string, value float64) {
	l := Line{Peer: peer, Workload: workload, Metric: metric, Value: value}
	printed = append(printed, l)
	fmt.Println(l)
}

// Printed returns the lines that were printed, the earliest first.
func Printed() []Line { return slices.Clip(printed) }

// Versus prints what earshot is to reach in a metric, and what it has reached.
func Versus(workload, metric string, reached, target float64) {
	Out("earshot", workload, metric, reached)
	Out("target", workload, metric, target)
}

// Quantile returns the value below which the part q of all lies.
func Quantile[T int64 | float64 | time.Duration](all []T, q float64) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

// Median is the quantile 0.5.
func Median[T int64 | float64 | time.Duration](all []T) T { return Quantile(all, 0.5) }

// Micros is a time in microseconds.
func Micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// Millis is a time in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
