package isolate

import (
	"errors"
	"testing"
)

// A program that must never run on a real network must not run where the tests do: they are in the
// namespace of the machine.
func TestCheckRefusesTheMachinesNetwork(t *testing.T) {
	if err := Check(); !errors.Is(err, ErrOutside) {
		t.Errorf("Check says %v", err)
	}
}
