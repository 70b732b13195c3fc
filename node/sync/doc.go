// Package sync is the machine of one session between this node and a peer: it finds out what each
// of the two lacks and sees to it that both get it. node/PROTOCOL.md describes the protocol, and
// package wire the frames that it is spoken in.
//
// A Session is pure. Step takes the time and one Input, and returns Effects in the order in which
// they must be carried out. It touches no socket, clock, store or goroutine, and the same inputs
// give the same effects. It proves nothing itself. Whoever owns the session, its shell, reads and
// writes frames, and loads, proves and stores what the effects ask for. It hands each answer back
// as one Input, exactly once: without it, the session stands still there. One goroutine at a time
// may call a Session; package session of node does.
//
// For each log, the session keeps two pictures: what is held here, and what the peer holds. It
// pushes what the peer lacks, lowest first, with a bounded amount unanswered
// (WindowBytes), and acknowledges nothing before the shell says Stored. Pictures are all that a
// session loses at its end: the next one begins with new offers. Members of a group meet many
// others, so at once a session says only what its two devices write themselves. Everything else
// goes between those who follow each other, and in the rounds that Compare begins.
//
// Whatever a peer does, limits.go bounds what the session remembers of it. A peer that breaks the
// protocol ends the session with Close and an error that matches a sentinel of errors.go. No input
// panics.
//
// (Where the standard library's sync is needed as well, import that under another name.)
package sync
