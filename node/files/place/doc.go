// Package place knows where what is attached to messages is on this disk: sealed on the shelf, in folders of the
// owner's where it was saved, or where the owner has what they send; and it writes there.
//
// A [Content] reads what is here, wherever it is, and proves it. A [Target] is where something is written as it
// comes. [Places] has what is open: what is being written is read by others meanwhile, and what is read again soon
// stays open for a while.
//
// It decides nothing: what is fetched, kept, saved or dropped is decided in node/files, which is also told by errors
// what has become impossible. It starts no goroutine.
package place
