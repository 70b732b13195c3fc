package membership

import (
	"context"

	"github.com/earshot-im/earshot/node/contacts"
)

// Notices returns up to limit notices whose cursor is past after, by cursor.
func (g *Groups) Notices(_ context.Context, after uint64, limit int) ([]contacts.Notice, error) {
	kept, err := g.cfg.Store.Notices(after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]contacts.Notice, len(kept))
	for i := range kept {
		out[i] = g.cfg.Contacts.Notice(&kept[i])
	}
	return out, nil
}
