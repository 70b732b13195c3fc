package sync

import (
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// window holds the runs that were sent and are not answered. It bounds their number and their
// bytes.
type window struct {
	sent    uint64 // runs so far: the number of the last one
	flights []flight
	weight  int // of flights
}

// flight is a run that was sent and is not answered.
type flight struct {
	log    *log
	number uint64
	part   event.Range
	weight int
}

// room reports whether one more run may be loaded while so many are being loaded.
func (w *window) room(loads int) bool {
	return len(w.flights)+loads < windowRuns && w.weight+(loads+1)*runWeight <= WindowBytes
}

// add adds a run that is about to be sent, and returns its number.
func (w *window) add(l *log, run *event.Run) uint64 {
	w.sent++
	f := flight{l, w.sent, rangeOf(run), weigh(run)}
	w.flights = append(w.flights, f)
	w.weight += f.weight
	return w.sent
}

// answered takes the run of a number off. It returns false if no such run was sent.
func (w *window) answered(number uint64) bool {
	w.takeBack(number)
	return number <= w.sent
}

// takeBack takes the run of a number off, and returns it if it was not answered.
func (w *window) takeBack(number uint64) (sent flight, ok bool) {
	w.remove(func(f *flight) bool {
		if f.number != number {
			return false
		}
		sent, ok = *f, true
		return true
	})
	return sent, ok
}

// forget takes all runs of a log off.
func (w *window) forget(l *log) { w.remove(func(f *flight) bool { return f.log == l }) }

func (w *window) remove(which func(*flight) bool) {
	w.flights = slices.DeleteFunc(w.flights, func(f flight) bool {
		if !which(&f) {
			return false
		}
		w.weight -= f.weight
		return true
	})
}

// onTheWay returns what of a log was sent and is not answered.
func (w *window) onTheWay(l *log) (parts event.Ranges) {
	for _, f := range w.flights {
		if f.log == l {
			parts = parts.Add(f.part)
		}
	}
	return parts
}

// weigh returns what a run counts towards WindowBytes.
func weigh(r *event.Run) int { return weighEvents(r.Events) + weighEvents(r.Recalls) }

func weighEvents(events []event.Event) int {
	n := 0
	for i := range events {
		n += len(events[i].HeaderBytes) + len(events[i].Body)
	}
	return n
}
