// Package sync decides who lacks what: the frames of the sync protocol and, for
// one session with one peer, the state machine that speaks them. The protocol
// is written down in node/PROTOCOL.md.
//
// A Session is pure. Step takes the time and one Input and returns Effects in the
// order in which they must be carried out; it never touches a socket, a clock or a
// store, and the same inputs give the same effects. One goroutine owns a Session. That
// owner, the shell, reads and writes frames, loads, proves and stores, and hands what
// came of it back as Inputs: each answer exactly once, or the session stands still there.
//
// For each log the session keeps two pictures, ours and the peer's, and pushes what
// the peer's lacks, lowest first, with a bounded amount unanswered. What it says of what is
// held, however much that is, it says a bounded amount at a time, the next when the shell
// has Drained what was said before. It acknowledges
// nothing before the shell has said Stored. What is lost with the session is only
// pictures: the next one begins with an exchange of offers.
//
// Of a group, a member meets many others: what a session says at once is about what its
// two devices write themselves, and everything else goes along those who follow each
// other and in the rounds of Compare. Control events come before what was written under
// them. What the session cannot judge, such as who may have which event, it asks.
//
// What a peer can make it hold is bounded by the constants of limits.go. It proves
// nothing itself: runs, records and cards are proven by the shell, which alone knows
// who may speak for whom. Whatever a peer does out of order ends the session with
// Close and an error that matches a sentinel of errors.go; no input panics.
//
// (Import the standard library's sync under another name where both are needed.)
package sync
