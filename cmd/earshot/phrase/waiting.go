package phrase

import (
	"fmt"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// waiterColumns is how wide Waits names somebody.
const waiterColumns = 24

// Waits says for whom a message still waits, and why; when puts times into words.
func Waits(q *earshotv1.Pending, when func(time.Time) string) string {
	return label.Brief(waiterColumns, q.Person) + " " + WaitsShort(q, when)
}

// WaitsShort says why a message still waits, in parentheses.
func WaitsShort(q *earshotv1.Pending, when func(time.Time) string) string {
	if q.WaitingFor == "offline" && q.LastSeen != nil {
		return "(off since " + when(q.LastSeen.AsTime()) + ")"
	}
	if q.WaitingFor == "offline" {
		return "(off)"
	}
	return "(" + Waiting(q, WithoutAddress(q.Error), when) + ")"
}

// Waiting says why a message still waits, with an error of the last dial; when puts times into words.
func Waiting(q *earshotv1.Pending, dialled string, when func(time.Time) string) string {
	detail := terminal.Line(WaitingDetail(q, dialled))
	switch q.WaitingFor {
	case "offline":
		if q.LastSeen == nil {
			return "offline"
		}
		return "offline since " + when(q.LastSeen.AsTime())
	case "unreachable":
		return "can't be reached: " + detail
	case "unanswered", "refused", "no_network", "incompatible", "no_room":
		return detail
	}
	return terminal.Line(q.WaitingFor) + ": " + detail // of a newer node
}

// WaitingDetail says more about why a message waits.
func WaitingDetail(q *earshotv1.Pending, dialled string) string {
	switch q.WaitingFor {
	case "offline":
		return "not on this network"
	case "no_network":
		return "this machine is on no network"
	case "incompatible":
		return "runs another version of earshot"
	case "no_room":
		return "their disk is full"
	case "unreachable":
		return fmt.Sprintf("%s (dials that failed: %d)", dialled, q.Dials) // the reason first: a row may cut the rest
	}
	switch q.WaitingFor + " " + q.Reason {
	case "unanswered ":
		return "connected, but not taken yet"
	case "unanswered blocked":
		return "you have blocked them"
	case "unanswered not_contact":
		return "you have removed them, and accept contacts only"
	case "unanswered acceptance":
		return "they may have to accept you first"
	case "refused acceptance":
		return "their limit is used up: they may have to accept you first"
	case "refused limit", "refused logs":
		return "their node keeps as much from you as it may"
	}
	return q.Reason // of a newer node
}

// WithoutAddress leaves out which address was dialled, where a row has no room for it.
func WithoutAddress(dialled string) string {
	if address, reason, found := strings.Cut(dialled, ": "); found && strings.HasPrefix(address, "/") {
		return reason
	}
	return dialled
}

// State is how far an own message has come, as people read it.
func State(state, reason string) string {
	switch {
	case state != "undelivered":
		return state
	case reason == "left":
		return "not delivered: you left"
	case reason == "removed":
		return "not delivered: you were removed"
	}
	return "not delivered"
}
