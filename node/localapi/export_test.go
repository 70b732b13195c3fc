package localapi

import "time"

// DialImpatient is Dial for tests of nodes that don't answer.
func DialImpatient(dir string) *Client {
	return dialPatient(dir, patience{quiet: 200 * time.Millisecond, answer: 200 * time.Millisecond})
}
