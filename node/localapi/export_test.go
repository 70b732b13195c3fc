package localapi

import "time"

// DialImpatient is Dial for tests of nodes that don't answer.
func DialImpatient(dir string) *Client {
	return dialPatient(dir, impatient, false)
}

// RestImpatient is DialResting for them.
func RestImpatient(dir string) *Client { return dialPatient(dir, impatient, true) }

var impatient = patience{quiet: 200 * time.Millisecond, answer: 200 * time.Millisecond}
