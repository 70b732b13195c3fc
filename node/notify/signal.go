package notify

// Signal wakes one goroutine. Signals that were given before it has looked are one.
type Signal chan struct{}

// NewSignal returns a signal that was not given.
func NewSignal() Signal { return make(chan struct{}, 1) }

// Give wakes the goroutine that receives from the signal, now or when it next receives.
func (s Signal) Give() {
	select {
	case s <- struct{}{}:
	default:
	}
}
