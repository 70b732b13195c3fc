package attachment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// whoseColumns is the most that the other side takes in Cells.
const whoseColumns = 24

// State says what has become of an attachment here, and why.
func State(a *earshotv1.Attachment) string {
	switch a.GetState() + " " + a.GetReason() {
	case "offered by_hand":
		return "waits for you"
	case "paused owner", "paused ":
		if a.GetHad() > 0 {
			return "paused at " + Part(a.GetHad(), a.GetSize())
		}
		return "paused"
	case "paused no_room":
		return "paused: this disk is full"
	case "paused no_source":
		return "waits for somebody who has it"
	}
	switch a.GetState() {
	case "fetching":
		if why := Unsaved(a); why != "" {
			return "can't be written: " + why
		}
		return "fetching " + Part(a.GetHad(), a.GetSize())
	case "declined":
		if why := Unsaved(a); why != "" {
			return "refused: " + why
		}
	case "held":
		if why := Unsaved(a); why != "" {
			return "held, but not saved: " + why
		}
	case "changed":
		return "changed since it was sent"
	case "in_place":
		return "sent from where it is"
	case "gone":
		return "gone"
	case "kept":
		return ""
	}
	return terminal.Line(a.GetState())
}

// Unsaved says why an attachment could not be written to the owner's folder, "" if nothing is known of that.
func Unsaved(a *earshotv1.Attachment) string {
	switch a.GetReason() {
	case "no_room":
		return "this disk is full"
	case "no_folder":
		return "the folder can't be written to"
	case "refused":
		return "it has paths that no folder may have"
	case "damaged":
		return "the copy that was here is damaged"
	}
	return ""
}

// Standing says what has become of it, of an own one at those whom it is for.
func Standing(m *earshotv1.Attached, a *earshotv1.Attachment) string {
	if !m.Own {
		return State(a)
	}
	count := make(map[string]int)
	for _, h := range m.Holders {
		count[object.StateAt(h, a)]++
	}
	lacking := count["held"]+count["declined"] < len(m.Holders)
	if lacking && (a.State == "changed" || a.State == "gone") { // else nobody needs it any more
		return a.State + ": send it again"
	}
	var parts []string
	switch of := len(m.Holders); {
	case of == 1:
		return heldBy(object.StateAt(m.Holders[0], a))
	case of > 1:
		parts = append(parts, fmt.Sprintf("%d of %d have it", count["held"], of))
		if n := count["declined"]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d declined", n))
		}
	}
	return strings.Join(parts, ", ")
}

// heldBy says what has become of an own attachment at the one whom it is for.
func heldBy(state string) string {
	switch state {
	case "held":
		return "they have it"
	case "fetching":
		return "they fetch it"
	case "offered":
		return "not fetched yet"
	}
	return terminal.Line(state)
}

// Whose says from whom it is, or to whom it goes.
func Whose(most int, m *earshotv1.Attached) string {
	from := "from " + label.Brief(most, m.From)
	switch {
	case m.With.GetKind() == "group" && m.Own:
		return "to " + label.GroupWithin(most, m.With)
	case m.With.GetKind() == "group":
		return from + " in " + label.GroupWithin(most, m.With)
	case m.Own && len(m.Holders) == 1:
		return "to " + label.Brief(most, m.Holders[0].Person)
	case m.Own:
		return "to " + label.Brief(most, &earshotv1.Person{Person: m.With.GetId()})
	}
	return from
}

// Cells is a file in a list on the screen: its name, and what is to be said of it.
func Cells(m *earshotv1.Attached, a *earshotv1.Attachment) (name, state string) {
	return label.File(a), Size(a.Size) + "  " + Standing(m, a) + "  " + Whose(whoseColumns, m)
}

// At says what has become of the attachments of an own message at somebody.
func At(m *earshotv1.Attached, states []string) string {
	var parts []string
	for i, a := range m.GetAttachments() {
		state := "offered"
		if i < len(states) {
			state = states[i]
		}
		parts = append(parts, fmt.Sprintf("%s %s", label.FileWithin(Columns, a), terminal.Line(state)))
	}
	return label.Some(maxNames, parts, 0)
}

// AtOnScreen says on the screen what has become of the attachments of an own message at somebody. What is gone here
// they can ask for in words only.
func AtOnScreen(m *earshotv1.Attached, who *earshotv1.Person) string {
	i := slices.IndexFunc(m.GetHolders(), func(h *earshotv1.Holder) bool { return h.GetPerson().GetPerson() == who.GetPerson() })
	if i < 0 {
		return ""
	}
	var parts []string
	for _, a := range m.Attachments {
		parts = append(parts, label.FileWithin(moverColumns, a)+" "+atThem(a, object.StateAt(m.Holders[i], a)))
	}
	return label.Some(maxNames, parts, 0)
}

// atThem says what has become of an own file at somebody.
func atThem(a *earshotv1.Attachment, state string) string {
	switch {
	case state == "held" || state == "declined":
		return state
	case a.State == "gone" || a.State == "changed":
		return a.State + " here: send it again"
	case state == "offered":
		return "not fetched yet"
	}
	return terminal.Line(state)
}

// Place says in lines what has become of a file here, and where it is.
func Place(a *earshotv1.Attachment) []string {
	lines := []string{Mark(a)}
	for _, path := range a.Saved {
		where := "saved as "
		if a.State == "in_place" {
			where = "from "
		}
		lines = append(lines, where+terminal.Line(path))
	}
	return lines
}
