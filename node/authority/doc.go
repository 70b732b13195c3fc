// Package authority says who is in a group and who may do what. It turns the group's control
// events, in whatever order they arrive, into one answer: nodes that hold the same events have the
// same members, accept the same messages and withhold the same.
//
// A Group holds the control set, a graph in which each event names as its parents the heads that
// its author knew. The past of an event is what it reaches through parents. Two events are
// concurrent if neither is in the other's past. The senior of two members is the one with the
// higher role, else the one who joined earlier, by depth in the graph (the longest way from the
// create event), then by event ID, then by person. This is what events permit:
//
//   - Whoever is in may leave, and may list where their own logs end. Everything else needs an
//     admin or an owner, and a change of roles needs an owner.
//   - The target of a removal must be junior to its author, or not in. A role may be given to
//     somebody junior, or to oneself.
//   - A person is in by an invitation that comes after every removal and leave of theirs, the
//     founder also by the create event. Of several the earliest is their join.
//   - A member's role is what role changes after such an invitation say; of those that no other
//     follows, the lowest. Without any it is member, and the founder's is owner. Where nobody who
//     is in is an owner, the most senior member is.
//   - The name, the topic and the history policy are each set by the event with the greatest
//     (depth, ID).
//   - A critical event of an unknown kind freezes the group: nothing that comes after it is
//     permitted.
//
// An event is taken in only if it is permitted by what counts of its past, judged by that past
// alone. Whether it counts itself is judged by all events that are here. These rules are applied
// again and again, as long as one of them decides something:
//
//  1. An event does not count if a removal or leave of its author counts that is concurrent with
//     it. A leave is exempt from this.
//  2. Otherwise it waits until its whole past is decided. It does not count unless what counts of
//     that permits it, and its author is taken to have no more than the lowest role that a
//     concurrent change which counts gives them. A leave that passes this counts.
//  3. Otherwise it waits for each concurrent event that is undecided and would, if it counted,
//     forbid it by rule 1 or 2. It counts when there are none.
//
// When no rule decides anything, some events wait for each other in a circle, and for no event
// outside of it. Look at those in the circle whose past is decided: the one whose author was the
// most senior counts (of several by that author the one with the lowest ID), and the events that it
// waits for do not count. So nothing counts that somebody did without knowing of their own removal,
// and of two who remove each other the senior stays.
//
// The package is pure: no clock, no keys, no store. Its caller has proven each event and knows its
// author. A Group needs one owner or a lock; a State never changes. Adding an event that is refused
// leaves the Group as it was.
package authority
