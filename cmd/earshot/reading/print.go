package reading

import (
	"bytes"
	"context"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// maxWrite is how much is written by one call where that has several rows: on Linux a pipe takes so much whole or
	// not at all, whoever else writes to it.
	maxWrite = 4096

	// maxGroup is how many rows one call writes.
	maxGroup = 100
)

// group are rows that are written by one call.
type group struct {
	of   []*earshotv1.Message
	rows bytes.Buffer
	ends []int // of each in rows
}

// full reports whether a row of so many bytes has no room in it.
func (g *group) full(row int) bool {
	return len(g.of) > 0 && (g.rows.Len()+row > maxWrite || len(g.of) == maxGroup)
}

func (g *group) add(m *earshotv1.Message, row []byte) {
	g.of = append(g.of, m)
	g.rows.Write(row)
	g.ends = append(g.ends, g.rows.Len())
}

func (g *group) reset() {
	g.of, g.ends = nil, g.ends[:0]
	g.rows.Reset()
}

// print writes a row for each message, several by one call where they are short, and calls done with those
// whose rows were written, group after group. When it returns all are written: whoever reads the rows waits for
// none that is there.
func (r *Reader) print(ctx context.Context, all []*earshotv1.Message, done func([]*earshotv1.Message)) error {
	var g group
	var row bytes.Buffer
	for _, m := range all {
		row.Reset()
		if err := r.Out.Message(&row, m); err != nil {
			return err
		}
		if g.full(row.Len()) {
			if err := r.write(ctx, &g, done); err != nil {
				return err
			}
		}
		g.add(m, row.Bytes())
	}
	return r.write(ctx, &g, done)
}

// write writes a group, and empties it. Where the output fails, what was written wholly counts.
func (r *Reader) write(ctx context.Context, g *group, done func([]*earshotv1.Message)) error {
	defer g.reset()
	if err := ctx.Err(); err != nil || len(g.of) == 0 {
		return err
	}
	write := func() (n int, err error) {
		written, err := r.Stdout.Write(g.rows.Bytes())
		for n < len(g.ends) && g.ends[n] <= written {
			n++
		}
		return n, err
	}
	var changed []string
	n, err := 0, error(nil)
	if r.tells() {
		changed, n, err = r.shown.printed(g.of, write)
	} else {
		n, err = write()
	}
	if n > 0 {
		r.printed += uint32(n)
		done(g.of[:n])
	}
	if err != nil || len(changed) == 0 {
		return err
	}
	return r.late(ctx, changed)
}
