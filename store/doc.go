// Package store is the ledger: it keeps the logs of conversations on disk, puts their events into
// the order in which people see them, and knows what was delivered to whom.
//
// It owns the data directory (store/disk) and the database in it, whose bytes store/FORMAT.md fixes
// and which is read and written through store/tx. What is known of persons is in store/book, and what
// is kept of files and folders in store/shelf; it gives out both. One goroutine, started by Run, does
// all writing: it runs what waits in one transaction, signs the last event of each own log that grew,
// commits, answers, and then calls Config.Changed. A method that writes returns when its effect is on
// the disk. If it returns an error, nothing was written, unless its comment says otherwise. So after
// ErrFull the store goes on as soon as the disk has room. The context of a method bounds the wait for
// the writer, not the commit. Methods that read may be called by anyone at any time, and return
// copies.
//
// The store trusts its caller for who may write what: it relies on a run having been proven
// (event.Run.Prove) and on its author's card having been checked. It keeps the control sets of
// groups without reading them: Authority says whom messages are for, SetLimits how far logs count.
// It does not trust what an event says of others: causes that don't exist, recalls and edits of
// others' messages, second events at one sequence and floods by strangers are dealt with here.
//
// What strangers have written can be given back, to make room for others: then it is gone, and its
// log says that it was had.
//
// The words of rows can be searched (Search). That is done in a cache (store/search), which Run keeps
// up to date, and from which words go when they go here. What is unread in a conversation and what was
// said there last is kept in sum (voices.go), so that a list of conversations costs the same whatever is
// in them (Overviews). What is kept of attachments (store/shelf) is named by references (files.go), which
// come and go with their rows. The store fetches nothing: it keeps what has become of each attachment, here
// (SetFiles, SignHoldings) and at others (TakeHoldings, Holders). Nothing else that is derived is kept twice:
// the outbox is what the owner has written minus what its readers hold. An event is had if it is
// here with its words, or without them for a reason that was proven. It is placed when its position
// in the order is fixed; cursors follow another order, in which rows came. Times that are stored or
// shown are of Config.Now, the wall clock, and so is how long an event has waited, which outlives
// the process. Other durations are measured by the monotonic clock.
package store
