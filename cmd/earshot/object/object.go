// Package object has what --json prints: an object for each kind of result, with the fields that scripts
// depend on, and how it is made of the node's answer. CLI.md has each object and each field, and a test
// compares that page with the types here. Fields change only by adding.
//
// An object has what others wrote as they wrote it: it is data, and no row that somebody reads. Write
// has it printed so that nothing in it acts on a terminal. IDs are whole, times are RFC 3339 with
// milliseconds in the zone of this machine. A list is [], never null, where its field is always there;
// what is absent is left out.
//
// The package asks nobody, and nothing in it fails but the writer that Write is given. Package show prints
// the objects, or the same in rows for people; package problem fills the object of an error.
package object

import (
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

	"bytes"
	"encoding/json"
	"io"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// Write writes an object as one line.
func Write(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	line := terminal.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	_, err := w.Write(append(line, '\n'))
	return err
}

// Failure is the object of an error. How it comes about is in package problem.
type Failure struct {
	Error      string   `json:"error"`
	Code       string   `json:"code"`
	Hint       string   `json:"hint,omitempty"`
	Candidates []Person `json:"candidates,omitempty"`
	Groups     []Group  `json:"groups,omitempty"`
	Near       []string `json:"near,omitempty"`

	Messages []Candidate `json:"messages,omitempty"`
}

// Target is a person or a group that something is sent to or about.
type Target struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// OfTarget makes the object of a person or a group.
func OfTarget(t *earshotv1.Target) Target {
	return Target{t.GetKind(), t.GetId(), t.GetName()}
}

// ofTargets has an empty list printed as [] and not as null.
func ofTargets(list []*earshotv1.Target) []Target {
	out := []Target{}
	for _, t := range list {
		out = append(out, OfTarget(t))
	}
	return out
}

// list has an empty list printed as [] and not as null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func rfc3339(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02T15:04:05.000Z07:00")
}
