package chat

import (
	"context"

	"github.com/earshot-im/earshot/store"
)

// maxCounted is how many unread messages are looked at to count them, so that asking for their
// number costs no more however many there are.
const maxCounted = 10_000

// CountUnread returns how many messages are unread, among the first maxCounted.
func (m *Messages) CountUnread(ctx context.Context) (n int, err error) {
	looked, wanted := 0, m.wants(filter{})
	count := func(s store.Source) bool {
		if looked++; wanted(s) {
			n++
		}
		return false // no row is to be read
	}
	for after := uint64(0); looked < maxCounted && ctx.Err() == nil; {
		_, upTo, err := m.cfg.Store.Unread(after, 1, count)
		if err != nil {
			return 0, asOurs(err)
		}
		if upTo == after {
			break
		}
		after = upTo
	}
	return n, ctx.Err()
}
