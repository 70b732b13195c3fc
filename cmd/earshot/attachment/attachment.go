// Package attachment puts into words what there is to say of the files and folders of messages: how large
// they are, what has become of them here and at others, how far they have come, and why they wait.
//
// Each function makes one text of values of the local API. Nothing here fails, waits or asks the node. What
// others wrote, such as the name of a file, passes through packages label and terminal on its way. What
// names a file beside a message stands in square brackets, which no name of a file imitates: label quotes
// those that try.
//
// Package show puts these words into the rows of commands, packages panes and act onto the screen, and
// package transfer says them while files are on their way.
package attachment

import (
	"fmt"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// Columns is the most that the name of a file takes in a row.
	Columns = 32

	// maxNames bounds a line of several files.
	maxNames = 3
)

// Size is a number of bytes as people read it.
func Size(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	v := float64(n) / 1000
	i := 0
	for ; v >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}

// Part says how much of something is done. It is 100 % only when all is.
func Part(done, of uint64) string {
	if done >= of {
		return "100 %"
	}
	return fmt.Sprintf("%d %%", 100*done/of)
}

// Called names a file in a sentence.
func Called(a *earshotv1.Attachment) string { return label.File(a) }

// Mark says in short what is attached to a message, and what has become of it: [photo.jpg 2.1 MB, held].
func Mark(a *earshotv1.Attachment) string { return mark(a, State(a)) }

func mark(a *earshotv1.Attachment, state string) string {
	text := label.FileWithin(Columns, a) + " " + Size(a.GetSize())
	if a.GetVoice() {
		text += " " + playing(a.GetDuration())
	}
	if state != "" {
		text += ", " + state
	}
	return "[" + text + "]"
}

// MarkOnScreen is Mark for a message on the screen, where a key or a command accepts what waits. giving is how
// far an own file has come at those who fetch it.
func MarkOnScreen(m *earshotv1.Message, a *earshotv1.Attachment, giving []*earshotv1.Transfer) string {
	state := State(a)
	switch {
	case len(giving) > 0:
		state = fetchedBy(giving)
	case m.Own && a.State == "gone":
		state = ""
	case a.Reason == "by_hand":
		state += ": /get"
	}
	return mark(a, state)
}

// playing is how long a voice note is, as 1:05.
func playing(ms uint32) string {
	d := (time.Duration(ms) * time.Millisecond).Round(time.Second)
	return fmt.Sprintf("%d:%02d", d/time.Minute, d%time.Minute/time.Second)
}

// Lines are the lines about what is attached to a message. They are indented less than any line of a text,
// so none can imitate them. The first that waits for the owner says what to do; id is how the message is
// named there.
func Lines(m *earshotv1.Message, id string) (lines []string) {
	told := false
	for _, a := range m.Attachments {
		state := State(a)
		if m.Own && a.State == "gone" { // as it goes when everybody has it
			state = ""
		}
		if a.Reason == "by_hand" && !told && id != "" {
			state, told = state+": earshot get "+id, true
		}
		lines = append(lines, "  "+mark(a, state))
	}
	return lines
}

// InShort names in short what is attached to a message.
func InShort(files []*earshotv1.Attachment) string {
	if len(files) == 0 {
		return ""
	}
	return firstOf(files[0], len(files))
}

// firstOf names the first of some attachments, and says how many others there are.
func firstOf(a *earshotv1.Attachment, of int) string {
	text := mark(a, "")
	if more := of - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Quoted names what goes with a message that is answered, "" if that has words, which say more.
func Quoted(q *earshotv1.Quote) string {
	if q.GetText() != "" || q.GetFile() == nil {
		return ""
	}
	return firstOf(q.File, int(q.Files))
}
