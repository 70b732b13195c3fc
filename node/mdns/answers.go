package mdns

import "time"

const (
	// answerEvery is the least time between two packets with this device's records that go out over
	// one interface in one IP version (RFC 6762, section 6). Who asks in between gets the answer that
	// comes then, since all hear it.
	answerEvery = time.Second

	// An answer waits for answerWait, and up to answerSpread longer, so that not all devices answer
	// a question in the same moment.
	answerWait   = 20 * time.Millisecond
	answerSpread = 100 * time.Millisecond
)

// A way is where packets go out: over one interface in one IP version.
type way struct {
	link int // index of the interface
	by   family
}

// answers decides when a question is answered. It reads no clock. It holds at most two times for
// each way.
type answers struct {
	said map[way]time.Time // when this device's records went out last
	due  map[way]time.Time
}

func newAnswers() answers { return answers{map[way]time.Time{}, map[way]time.Time{}} }

// asked makes an answer due. spread is random, from 0 up to 1.
func (a *answers) asked(w way, now time.Time, spread float64) {
	if _, ok := a.due[w]; ok {
		return
	}
	at := now.Add(answerWait + time.Duration(spread*float64(answerSpread)))
	if next := a.said[w].Add(answerEvery); next.After(at) {
		at = next
	}
	a.due[w] = at
}

// may tells whether this device's records may go out.
func (a *answers) may(w way, now time.Time) bool { return now.Sub(a.said[w]) >= answerEvery }

// gone notes that this device's records went out, which answers what was asked before.
func (a *answers) gone(w way, now time.Time) {
	a.said[w] = now
	delete(a.due, w)
}

// ready returns the ways over which an answer is due.
func (a *answers) ready(now time.Time) (out []way) {
	for w, at := range a.due {
		if !now.Before(at) {
			out = append(out, w)
		}
	}
	return out
}

// next returns when the next answer is due, or limit if that is earlier.
func (a *answers) next(limit time.Time) time.Time {
	for _, at := range a.due {
		if at.Before(limit) {
			limit = at
		}
	}
	return limit
}
