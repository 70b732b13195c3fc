// Package authority says who is in a group and who may do what. It turns the group's control
// events, in whatever order they arrive, into one answer: nodes that hold the same events have the
// same members, accept the same messages and withhold the same.
//
// A Group holds the control set, a graph in which each event names as its parents the heads that
// its author knew. The past of an event is what it reaches through parents. Two events are
// concurrent if neither is in the other's past. The senior of two members is the one with the
// higher role, else the one who joined earlier, by depth in the graph (the longest way from the
// create event), then by event ID, then by person.
//
// An event is taken in only if its author was permitted to write it and it keeps to bounds, judged
// by its past alone. So the same events are taken everywhere, whatever came first. Further bounds,
// of what there is room for here, are far beyond what an honest group needs (bounds.go).
//
// Whether an event counts is judged by all events that are here: it does not count if its author
// wrote it without knowing of their own removal, and of two who remove each other the senior stays.
// The rules stand beside the code: permit.go says what is permitted, and judge.go what counts. When
// an event comes, only those are judged anew on which it has a bearing.
//
// The package is pure: no clock, no keys, no store. Its caller has proven each event and knows its
// author. A Group needs one owner or a lock; a State never changes. Adding an event that is refused
// leaves the Group as it was.
package authority
