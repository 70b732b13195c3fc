// Package event fixes the bytes of events, runs and records, their IDs, and the order in which
// people see them. The formats are those of store/FORMAT.md (what is hashed and signed) and of Run
// in node/PROTOCOL.md (how a stretch of a log travels).
//
// Everything here is pure: no files, sockets, goroutines or clock, and what is random comes from
// the caller (salt, key, instance). All of it may be called from any goroutine, as long as nobody
// changes a value that another reads.
//
// An Event comes from New, which makes one, or from Parse, which takes one from anywhere. Both
// check it against itself: one encoding, limits, sorted lists, the hash and size of the body, the
// form of the content of a known kind. Its fields are for reading; only Sign changes them. That
// somebody's device wrote it is known only after Run.Prove, the one place that checks signatures of
// events. Whether that device may speak for a person, who may recall what, and whether a body has
// expired are questions for the caller, who knows cards and the time.
//
// Parse functions refuse whatever would not come back as the same bytes from its Marshal. They
// alias their input, which must not change afterwards. Errors match a sentinel of errors.go; input
// from outside never panics.
package event
