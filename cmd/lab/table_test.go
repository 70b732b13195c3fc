//go:build lab && linux

package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// An attempt is an attack on Sam and then on Bob.
type attempt struct {
	control, attack slice
	slower          float64 // W1 while Bob is attacked over W1 while Sam is
	strangers       float64 // what they cost of a core: all that is more than what W1 cost in the control
	lines           float64 // of diagnostics a second
	counts          object
}

type attempts []attempt

// typical is the one in the middle, by how much slower W1 was.
func (a attempts) typical() attempt {
	sorted := slices.SortedFunc(slices.Values(a), func(x, y attempt) int { return cmp.Compare(x.slower, y.slower) })
	return sorted[len(sorted)/2]
}

func (a attempts) slower() float64 { return a.typical().slower }

// strangers is the one in the middle of what strangers cost.
func (a attempts) strangers() float64 {
	sorted := slices.SortedFunc(slices.Values(a), func(x, y attempt) int { return cmp.Compare(x.strangers, y.strangers) })
	return sorted[len(sorted)/2].strangers
}

// An outcome is what was measured in a row.
type outcome struct {
	*assault
	before, later        slice
	tries                attempts
	memory               [3]int64 // before, at most, afterwards
	stored               int64    // more than before
	back, message, group time.Duration
	file                 time.Duration // until Ann's is here
	lost                 int
	seen                 object   // by the third party
	miss                 []string // what does not hold
}

func (o *outcome) limit() float64      { return cmp.Or(o.assault.slower, maxSlower) }
func (o *outcome) shareLimit() float64 { return cmp.Or(o.share, maxShare) }

// exceeds reports whether what was measured is too much, so that it is measured again.
func (o *outcome) exceeds() bool {
	return o.tries.slower() > o.limit() || o.tries.strangers() > o.shareLimit()
}

// mayKeep is how much memory a node may have at the end.
func (o *outcome) mayKeep() int64 {
	return max(int64(maxLeft*float64(o.memory[0])), o.memory[0]+leastLeft)
}

// judge holds the outcome against what is promised.
func (o *outcome) judge() {
	miss := func(is bool, format string, args ...any) {
		if is {
			o.miss = append(o.miss, fmt.Sprintf(format, args...))
		}
	}
	t := o.tries.typical()
	miss(t.slower > o.limit(), "a message takes %.1f times as long", t.slower)
	share := o.tries.strangers()
	miss(share > o.shareLimit(), "strangers cost %.0f %% of a core", 100*share)
	miss(o.memory[1] > maxMemory, "%d MiB of memory at most", o.memory[1]>>20)
	miss(o.memory[2] > o.mayKeep(), "%d MiB of memory afterwards, %d before", o.memory[2]>>20, o.memory[0]>>20)
	miss(o.stored > cmp.Or(o.assault.stored, maxStored), "%d MiB stored", o.stored>>20)
	miss(o.back > contactBack, "a contact is back after %v", o.back.Round(time.Millisecond))
	miss(o.message > strangerIn, "a stranger is not through after %v", strangerIn)
	miss(o.group > strangerIn, "a stranger's invitation is not shown after %v", strangerIn)
	miss(o.file > fetched, "a contact's file is here after %v", o.file.Round(time.Millisecond))
	miss(o.lost > 0, "%d messages lost or doubled", o.lost)
	miss(t.lines > maxLogged, "%.0f lines of log a second", t.lines)
	miss(t.counts["counts"] == nil, "the attacker has failed: %s", t.counts.text("error"))
	if o.came != nil {
		o.miss = append(o.miss, o.came(t.counts.in("counts"), o.seen.in("counts"))...)
	}
}

// columns are those of the table. A core is 100 %.
var columns = []struct {
	name string
	of   func(o *outcome) string
}{
	{"attack", func(o *outcome) string { return o.name }},
	{"W1 before", func(o *outcome) string { return ms(o.before.p50) }},
	{"control", func(o *outcome) string { return ms(o.tries.typical().control.p50) }},
	{"during", func(o *outcome) string { return ms(o.tries.typical().attack.p50) }},
	{"after", func(o *outcome) string { return ms(o.later.p50) }},
	{"slower", func(o *outcome) string { return fmt.Sprintf("%.2f", o.tries.slower()) }},
	{"CPU before", func(o *outcome) string { return percent(o.before.share()) }},
	{"during", func(o *outcome) string { return percent(o.tries.typical().attack.share()) }},
	{"after", func(o *outcome) string { return percent(o.later.share()) }},
	{"strangers'", func(o *outcome) string { return percent(o.tries.strangers()) }},
	{"RssAnon before", func(o *outcome) string { return mib(o.memory[0]) }},
	{"most", func(o *outcome) string { return mib(o.memory[1]) }},
	{"30 s after", func(o *outcome) string { return mib(o.memory[2]) }},
	{"stored", func(o *outcome) string { return mib(o.stored) }},
	{"contact", func(o *outcome) string { return seconds(o.back) }},
	{"stranger", func(o *outcome) string { return seconds(o.message) }},
	{"invitation", func(o *outcome) string { return seconds(o.group) }},
	{"file", func(o *outcome) string {
		if !o.files {
			return "-"
		}
		return seconds(o.file)
	}},
	{"lost", func(o *outcome) string { return fmt.Sprint(o.lost) }},
	{"log/s", func(o *outcome) string { return fmt.Sprintf("%.1f", o.tries.typical().lines) }},
	{"holds", func(o *outcome) string {
		if len(o.miss) > 0 {
			return "NO: " + strings.Join(o.miss, "; ")
		}
		return "yes"
	}},
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
func percent(f float64) string  { return fmt.Sprintf("%.0f %%", 100*f) }
func mib(n int64) string        { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
func seconds(d time.Duration) string {
	if d >= never {
		return "never"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// table shows all rows that have come to their end, and then what the attackers say.
func table(outcomes []outcome) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t", c.name)
	}
	fmt.Fprintln(w)
	for i := range outcomes {
		if o := &outcomes[i]; len(o.tries) > 0 {
			for _, c := range columns {
				fmt.Fprintf(w, "%s\t", c.of(o))
			}
			fmt.Fprintln(w)
		}
	}
	_ = w.Flush()
	for _, o := range outcomes {
		if len(o.tries) > 0 {
			t := o.tries.typical()
			fmt.Fprintf(&out, "%s: %v %v %v %s\n", o.name, t.counts["counts"], t.counts["errors"], o.seen["counts"], t.counts.text("error"))
		}
	}
	return out.String()
}
