package book

import "errors"

var (
	// ErrBudget: what is kept for somebody who is not known here is used up, or there is too much
	// of a kind. Refuse it and keep the link.
	ErrBudget = errors.New("budget for strangers is used up")

	// ErrDeviceTaken: the card of another person names the device already.
	ErrDeviceTaken = errors.New("device speaks for another person")

	// ErrNoRequest: nobody with that ID waits to be accepted.
	ErrNoRequest = errors.New("no such request")
)
