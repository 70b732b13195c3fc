package fetch

import "github.com/earshot-im/earshot/crypto"

// Kind is what a part of the stream is, or what is asked for.
type Kind uint8

const (
	Manifest Kind = 1
	Page     Kind = 2
	Chunk    Kind = 3
	// Have is the question which chunks a source has. It is no part.
	Have Kind = 4
)

// Part is what is proven and written at once. Index counts the pages or the chunks, from 0.
type Part struct {
	Kind  Kind
	Index int
}

// Ticket names a request of a Fetch. They ascend.
type Ticket uint64

// Effect is something that the owner has to do. The types in this file are all there are.
type Effect interface{ effect() }

type (
	// Ask asks a source for Count bytes of a chunk, from Offset on; for a page; for the manifest, of
	// which Count is the most that it may have; or for Have, which has no Index and no bytes. What is
	// answered is told by [Fetch.Bytes], [Fetch.Had] and [Fetch.Ended].
	//
	// The bytes go to a buffer for this part from this source. It is begun with the first Ask for the
	// part, and ends with Checked or Forget; one to which nothing has come, with its last request.
	Ask struct {
		Source crypto.DeviceID
		Ticket Ticket
		Part
		Offset, Count int
	}

	// CallOff says that the rest of an answer is of no use. What still comes is told all the same, and
	// so is its end.
	CallOff struct {
		Source crypto.DeviceID
		Ticket Ticket
	}

	// Check says that a part has come whole from a source: prove it, write it if it is what its hash
	// says, and answer with Checked, once, whatever happens meanwhile.
	Check struct {
		Source crypto.DeviceID
		Part
	}

	// Forget says that what has come of a part from a source is of no use. The buffer is free when the
	// requests that were called off have ended.
	Forget struct {
		Source crypto.DeviceID
		Part
	}

	// Reset says that a source gives nothing: end its stream, so that all its requests end as Lost. It
	// is left alone for a while.
	Reset struct{ Source crypto.DeviceID }

	// Drop says that a source has given wrong bytes twice. It is asked no more; so don't tell another
	// Fetch of this attachment that it came, until the node starts again.
	Drop struct{ Source crypto.DeviceID }
)

func (Ask) effect()     {}
func (CallOff) effect() {}
func (Check) effect()   {}
func (Forget) effect()  {}
func (Reset) effect()   {}
func (Drop) effect()    {}

// End is how a request has ended.
type End uint8

const (
	// Whole: all that was asked for has come, or, of one that was called off, all that will.
	Whole End = iota
	// NotHere: the source does not have it, or gives it to others.
	NotHere
	// Changed: the original from which the source serves is another one now.
	Changed
	// Busy: not now.
	Busy
	// Lost: the stream has ended before the answer.
	Lost
	// Gone: the source is the author's, and has no copy of it any more.
	Gone
)

// Verdict is what has become of a part that was checked.
type Verdict uint8

const (
	// Written: it is what its hash says and is written, though perhaps not yet synced.
	Written Verdict = iota
	// Wrong: it is not what its hash says.
	Wrong
	// Unwritten: it is right and could not be written. It is asked for again; so pause the Fetch first if
	// that would only fail again.
	Unwritten
)

// State is how far a Fetch is.
type State uint8

const (
	// Fetching: something is asked for, or will be soon.
	Fetching State = iota
	// NoSource: nobody who is here has anything that is missing. Have is asked from time to time.
	NoSource
	// AllGone: nobody has, and at the author's it has gone. Have is asked as of NoSource.
	AllGone
	// AllChanged: nobody has, and at somebody's it has changed since it was sent.
	AllChanged
	// Done: everything is written. No effect follows.
	Done
)
