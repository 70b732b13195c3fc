// Package authority says who is in a group and may do what. It turns the group's control events, in any order of arrival,
// into one answer: whoever holds the same events has the same members, takes the same messages and withholds the same.
//
// A Group holds the control set: a graph in which each event names as its parents the heads that its author had. The past
// of an event is what it reaches through parents. Seniority is, of two members, the higher role, then the earlier join, by
// depth in the graph (the longest way from the create event), event ID and person. What is permitted by some events:
//
//   - Whoever is in may leave, and list where their own logs end. All else needs an admin or owner, a change of roles an owner.
//   - A removal's target is somebody junior, or not in; a role is for somebody junior or oneself.
//   - A person is in by an invitation, or as founder by the create event, that comes after every removal and leave of
//     theirs. Of several the earliest is their join.
//   - Their role is what changes of it after such an invitation say; of those that no other follows, the lowest. Without
//     any it is member, the founder's owner. Where nobody in is an owner, the most senior is.
//   - The name, topic and history policy are those of the greatest (depth, ID).
//   - A critical event of an unknown kind freezes: nothing that comes after it is permitted.
//
// An event is taken only if what counts of its past, judged alone, permits it. Whether it counts is judged by all events
// here, again and again, while something can be decided:
//
//  1. It does not count if a removal or leave of its author counts that is concurrent with it, unless it is a leave.
//  2. Else it waits for all of its past to be decided. It does not count unless what counts of that permits it, its author
//     having no more than the lowest role that a counting concurrent change gives them. A leave then counts.
//  3. Else it waits for each undecided concurrent event that, if it counted, would forbid it by 1 or 2. It counts when
//     there are none.
//
// When nothing can be decided, some events wait for each other in a circle, and for none outside it. Of those in it whose
// past is decided, the one whose author was most senior in it counts (of several of theirs that of the lowest ID), and what
// it waits for does not. So whoever was removed did nothing meanwhile, and of two who remove each other the senior stays.
//
// The package is pure: no clock, no keys, no store. Its caller has proven each event and knows its author. A Group has one
// owner or a lock; a State is never changed. What is not taken leaves a Group as it was.
package authority
