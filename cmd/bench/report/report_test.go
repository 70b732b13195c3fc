package report_test

import (
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

func TestQuantile(t *testing.T) {
	all := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := report.Quantile(all, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if all[0] != 5 {
		t.Error("the values were moved")
	}
}
