package main

import "github.com/earshot-im/earshot/cmd/bench/report"

// beside is what earshot is compared in with a peer: ours divided by theirs, in the same unit.
type beside struct {
	workload, ours string
	unit           float64 // of ours, in those of theirs
	peer, theirs   string
	ratio          string  // the metric of the ratio
	target         float64 // 0 where there is none
}

// besides are the ratios to peers. In W7 SQLite finds a word that is in one message, by its index; earshot, which
// keeps no word on the disk that could be read, has to look through all to know that there is none.
var besides = []beside{
	{"W1", "p50_us", 1, "nats-js-always", "p50_us", "p50_over_nats_always", 1},
	{"W2", "msgs_per_s", 1, "nats-js-default", "msgs_per_s", "rate_over_nats_default", 1},
	{"W2", "cpu_all_s", 1, "nats-js-default", "cpu_s", "cpu_over_nats_default", 0},
	{"W4", "to10_p50_us", 1, "libp2p-direct", "to10_p50_us", "to10_over_direct", 2},
	{"W4", "to50_p50_us", 1, "libp2p-direct", "to50_p50_us", "to50_over_direct", 2},
	{"W4", "to50_p50_us", 1, "libp2p-gossip", "to50_p50_us", "to50_over_gossip", 1},
	{"W5", "ms", 1, "nats-js-default", "ms", "ms_over_nats_default", 1.2},
	{"W6", "rss_mib", 1, "nats-js-default", "rss_mib", "rss_over_nats_default", 0},
	{"W7", "large_last50_ms", 1000, "sqlite-fts5", "last50_p50_us", "last50_over_sqlite", 0},
	{"W7", "search_missing_ms", 1000, "sqlite-fts5", "search_p50_us", "search_over_sqlite", 0},
}

// ratio is one that was reached.
type ratio struct {
	metric          string
	reached, target float64
}

// ratios compares in what both were measured in, in one round of one workload.
func ratios(lines []report.Line) (all []ratio) {
	for _, b := range besides {
		ours, has := value(lines, "earshot", b.workload, b.ours)
		theirs, have := value(lines, b.peer, b.workload, b.theirs)
		if has && have && theirs > 0 {
			all = append(all, ratio{metric: b.ratio, reached: ours * b.unit / theirs, target: b.target})
		}
	}
	return all
}

// value returns what was measured in a metric.
func value(lines []report.Line, peer, workload, metric string) (v float64, is bool) {
	for _, l := range lines {
		if l.Peer == peer && l.Workload == workload && l.Metric == metric {
			return l.Value, true
		}
	}
	return 0, false
}
