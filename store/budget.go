package store

import "github.com/earshot-im/earshot/crypto"

const (
	// MaxLogs is how many logs one person may have in a conversation, contacts too: what is said of logs, and what receipts
	// list, must not grow as somebody likes. A device begins one when it comes, comes back or was restored, so nobody who
	// does not want to gets near it.
	MaxLogs = 1024

	// costEvent is what an event takes beside the bytes that were sent: indexes, and pages that are not full.
	costEvent = 256

	// costLog is more than a log takes on the disk: it also has a place in every session, and in what is said there.
	costLog = 4 << 10
)

// mayBegin returns ErrBudget if a person has as many logs in a conversation as anybody may have.
func (in *intake) mayBegin(conversation uint32, author crypto.PersonID) error {
	if in.isOwn(author) {
		return nil
	}
	if in.Count(bucketAuthors, authorKey(conversation, author)) >= MaxLogs {
		return ErrBudget
	}
	return nil
}

// charge counts events of somebody who is no contact: those that are new to their log, and the bodies of those that
// came without before.
func (in *intake) charge(fresh, filled []int, known bool) error {
	if !in.from.Stranger || in.isOwn(in.from.Author) {
		return nil
	}
	n := uint64(0)
	if !known {
		n = costLog
	}
	for _, i := range fresh {
		n += costEvent + uint64(len(in.events[i].Head)+len(in.events[i].Body))
	}
	for _, i := range filled {
		n += uint64(len(in.events[i].Body))
	}
	if in.from.Member {
		return in.s.book.SpendAsMember(in.Batch, in.from.Author, n)
	}
	return in.s.book.Spend(in.Batch, in.from.Author, n)
}
