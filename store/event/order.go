package event

// maxAhead is how many ms an author's clock may be ahead of the event's arrival here and still be
// believed. Office clocks differ by less. With a larger value a message from a wrong clock would
// stay at the bottom of everyone's screen.
const maxAhead = 2 * 60 * 1000

// Time returns the time T by which an event is ordered: rows sort by (T, ID). It is computed once,
// when the event is first shown, from the author's clock, the time of that moment and the T of
// those causes that are shown here. All of them are in ms.
func Time(clock, firstSeen int64, causes []int64) int64 {
	t := clock
	if t > firstSeen+maxAhead {
		t = firstSeen
	}
	for _, c := range causes {
		t = max(t, c+1)
	}
	return t
}
