// Package store keeps logs and records on disk, and answers what people ask of
// them: which rows a conversation shows, what is unread, what is still to be sent.
//
// It owns the data directory, by way of store/disk, and the database in it, whose
// bytes store/FORMAT.md fixes. One goroutine, started by Run, does all writing: it
// takes whatever waits, runs it in one transaction, signs the last event of each log
// that grew, commits, answers, and then calls Config.Changed. A method that writes
// therefore returns when its effect is on the disk, and many callers share one sync.
// When it returns an error, nothing was written, unless its comment says otherwise. Its
// context bounds the wait for the writer's attention, not the commit. Methods that read may be called by
// anyone at any time, use a short transaction of their own, and return copies.
//
// The store trusts its caller for who may write what: a run that it is given has been
// proven (event.Run.Prove), and its author's card looked at. So it does for groups, whose
// control sets it keeps and doesn't read: Authority says whom messages are for, and
// SetLimits how far logs count. It does not trust what an event says of others: causes
// that don't exist, recalls and edits of others' messages, second events at one sequence
// and floods by strangers are dealt with here.
//
// Nothing derived is kept twice. The outbox is what I have written minus what its
// readers hold; the state of a message follows from the same ranges. What people see
// has an order (view), which never changes once it is shown, and another in which it
// came (arrivals), which cursors follow.
package store
