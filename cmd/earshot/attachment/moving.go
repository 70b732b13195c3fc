package attachment

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// movingColumns is the most that the name of a file takes beside its progress, and moverColumns that of who
// fetches it.
const (
	movingColumns = 28
	moverColumns  = 16
)

// Moving names a file on its way, and who fetches it.
func Moving(t *earshotv1.Transfer) string {
	if t.To == nil {
		return label.FileWithin(movingColumns, t.Attachment)
	}
	return label.FileWithin(movingColumns-moverColumns, t.Attachment) + " " + label.Brief(moverColumns, t.To)
}

// HowFar says how far a file on its way has come: how much, how fast, and from how many.
func HowFar(t *earshotv1.Transfer) string {
	a := t.GetAttachment()
	switch a.GetState() {
	case "fetching", "reading":
	default:
		return State(a)
	}
	text := fmt.Sprintf("%5s of %s", Part(a.GetHad(), a.GetSize()), Size(a.GetSize()))
	if t.Rate > 0 {
		text += ", " + Size(t.Rate) + "/s"
	}
	if t.Sources > 1 {
		text += fmt.Sprintf(" from %d", t.Sources)
	}
	return text
}

// Skipped says what of a folder is left out.
func Skipped(a *earshotv1.Added) string {
	all := make([]string, len(a.Skipped))
	for i, path := range a.Skipped {
		all[i] = terminal.Line(path)
	}
	const named = 3
	return fmt.Sprintf("left out of %s, since they are links or no files: %s", label.FileWithin(Columns, a.Attachment), label.Some(named, all, int(a.Others)))
}

// MayTell asks whether a picture is to be sent as it is.
func MayTell(path string) string {
	return label.File(&earshotv1.Attachment{Name: filepath.Base(path)}) + " may tell where it was taken, and by which device. Send it as it is?"
}

// InPlace says what the sender of a file has to leave alone.
func InPlace(a *earshotv1.Attachment) string {
	return fmt.Sprintf("%s is sent from where it is: leave it there, as it is, until everybody has it (--keep makes a copy)", label.FileWithin(Columns, a))
}

// fetchedBy says how far a file has come at those who fetch it, who has most first.
func fetchedBy(giving []*earshotv1.Transfer) string {
	part := func(t *earshotv1.Transfer) string { return Part(t.Attachment.GetHad(), t.Attachment.GetSize()) }
	if last := len(giving) - 1; last > 1 {
		return fmt.Sprintf("to %d people: %s to %s", len(giving), part(giving[last]), part(giving[0]))
	}
	all := make([]string, len(giving))
	for i, t := range giving {
		all[i] = label.Brief(moverColumns, t.To) + " " + part(t)
	}
	return "to " + strings.Join(all, ", ")
}
