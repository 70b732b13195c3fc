package object

import (
	"github.com/earshot-im/earshot/cmd/earshot/advice"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Check is one thing that the doctor has looked at.
type Check struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Code   string `json:"code,omitempty"`
	About  string `json:"about,omitempty"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// OfCheck makes the object of a check, with the words that there are for it.
func OfCheck(c *earshotv1.Check, v advice.Advice) Check {
	about := c.About
	if about == "" {
		about = c.Person.GetPerson()
	}
	detail := v.Found
	if v.Raw != "" {
		detail += " (" + v.Raw + ")"
	}
	return Check{c.Check, c.Ok, c.Code, about, c.GetValues().GetReason(), detail, v.Text()}
}

// Finding is how others are found, and what stands in the way.
type Finding struct {
	LeftOut   []LeftOut   `json:"left_out,omitempty"`
	Troubles  []Trouble   `json:"troubles,omitempty"`
	Unreached []Unreached `json:"unreached,omitempty"`
}

// LeftOut is a network interface over which nobody is found.
type LeftOut struct {
	Interface string `json:"interface"`
	Reason    string `json:"reason"`
}

// Trouble is what a node has with finding others.
type Trouble struct {
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// Unreached is what was named by --peer and is not reached.
type Unreached struct {
	Peer   string `json:"peer"`
	Detail string `json:"detail"`
}

// NotReached is that on a line of its own.
type NotReached struct {
	Unreached Unreached `json:"unreached"`
}

// OfUnreached makes the object of what is not reached, on a line of its own.
func OfUnreached(peer, detail string) NotReached { return NotReached{Unreached{peer, detail}} }

// ofFinding returns nil where nothing stands in the way.
func ofFinding(f *earshotv1.Finding) *Finding {
	var v Finding
	for _, l := range f.GetLeftOut() {
		v.LeftOut = append(v.LeftOut, LeftOut{l.Interface, l.Reason})
	}
	for _, t := range f.GetTroubles() {
		v.Troubles = append(v.Troubles, Trouble{t.Code, t.Detail})
	}
	for _, u := range f.GetUnreached() {
		v.Unreached = append(v.Unreached, Unreached{u.Peer, u.Detail})
	}
	if v.LeftOut == nil && v.Troubles == nil && v.Unreached == nil {
		return nil
	}
	return &v
}

// Warning is what the owner should know.
type Warning struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Detail string `json:"detail,omitempty"`
	Since  string `json:"since,omitempty"`

	Person *Named  `json:"person,omitempty"`
	Group  *Target `json:"group,omitempty"`
}

// Warned is a warning on a line of its own.
type Warned struct {
	Warning Warning `json:"warning"`
}

// OfWarning makes the object of a warning, on a line of its own.
func OfWarning(w *earshotv1.Warning) Warned {
	return Warned{ofWarnings([]*earshotv1.Warning{w})[0]}
}

func ofWarnings(list []*earshotv1.Warning) (out []Warning) {
	for _, w := range list {
		v := Warning{Code: w.Code, Text: advice.Warning(w), Detail: w.Detail, Since: rfc3339(w.Since)}
		if w.Person != nil {
			who := OfNamed(w.Person)
			v.Person = &who
		}
		if w.Group != nil {
			group := OfTarget(w.Group)
			v.Group = &group
		}
		out = append(out, v)
	}
	return out
}
