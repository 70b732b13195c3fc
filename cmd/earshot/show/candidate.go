package show

import (
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Candidate is a row about a message that may be meant.
func Candidate(m *earshotv1.Message) string {
	author := label.Who(m.GetFrom())
	if m.Own {
		author = "me"
	}
	if m.With.GetKind() == "group" {
		author = label.Group(m.With) + "  " + author
	}
	text := terminal.Line(object.Excerpt(m))
	if text == "" {
		text = attachment.InShort(m.Attachments)
	}
	if m.Kind == "recalled" {
		author += " [taken back]"
	}
	return strings.TrimSuffix(m.Id+"  "+clock(m.Time)+"  "+author+": "+text, " ")
}
