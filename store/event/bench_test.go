package event

import (
	"strings"
	"testing"
)

// The message of all benchmarks has 100 bytes.
func benchWriter(b *testing.B) (*writer, Body) {
	return newWriter(b, 1), Body{Content: mustContent(b, strings.Repeat("x", 100))}
}

func BenchmarkNewSign(b *testing.B) {
	w, body := benchWriter(b)
	w.next.Kind = KindText
	b.ReportAllocs()
	for b.Loop() {
		e, err := New(w.next, body)
		if err != nil {
			b.Fatal(err)
		}
		e.Sign(w.key)
	}
}

func benchRun(b *testing.B, n int) []byte {
	w, body := benchWriter(b)
	var r Run
	for range n {
		r.Events = append(r.Events, w.append(KindText, body.Content))
	}
	r.Events[n-1].Sign(w.key)
	return r.Marshal()
}

func benchProve(b *testing.B, n int) {
	run, err := ParseRun(benchRun(b, n))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := run.Prove(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProve1(b *testing.B)   { benchProve(b, 1) }
func BenchmarkProve256(b *testing.B) { benchProve(b, MaxRunEvents) }

func BenchmarkParseRun256(b *testing.B) {
	bytes := benchRun(b, MaxRunEvents)
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		if _, err := ParseRun(bytes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal256(b *testing.B) {
	run, err := ParseRun(benchRun(b, MaxRunEvents))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		run.Marshal()
	}
}
