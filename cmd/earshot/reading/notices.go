package reading

import (
	"context"
	"io"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// notices prints what others do in the groups of its reader, and what becomes of messages that were printed:
// for people on standard error, where the other remarks are, and for programs as objects among the
// messages. It begins with what happens after the start.
type notices struct {
	reader *Reader
	cursor string // everything up to here was printed; "" at first
}

// tell prints what has happened since the last call. It returns the errors of the output only: where
// the node can't say, that must not stop the messages.
func (k *notices) tell(ctx context.Context) error {
	var kinds []string
	if k.reader.From == "" { // otherwise only the messages of one person were asked for
		kinds = append(kinds, "notice")
	}
	if k.reader.tells() {
		kinds = append(kinds, "changed")
	}
	if len(kinds) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := k.reader.Client.Changes(ctx, &earshotv1.ChangesRequest{After: k.cursor, Kinds: kinds, Filter: &k.reader.filter})
	if err != nil {
		return nil
	}
	defer stream.Close()
	for live := false; !live && stream.Receive(); {
		now := stream.Msg()
		for _, c := range now.Changes {
			err := k.print(c.GetNotice())
			if m := c.GetChanged(); m != nil {
				err = k.reader.becomes(m)
			}
			if err != nil {
				return err
			}
		}
		k.cursor, live = now.Cursor, now.Live
	}
	return nil
}

// print prints a notice, unless it is about something else than what is read, or about what the
// owner has done.
func (k *notices) print(n *earshotv1.Notice) error {
	in := k.reader.filter.In
	if n == nil || n.Own || in != "" && in != "#"+n.Group.GetId() {
		return nil
	}
	var w io.Writer = k.reader.Stderr
	if k.reader.Out.JSON {
		w = k.reader.Stdout
	}
	return k.reader.Out.Notice(w, n)
}
