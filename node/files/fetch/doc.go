// Package fetch decides what of one attachment is asked of whom next, and what its sources are worth.
//
// A [Fetch] is the machine of one attachment: one stream of bytes, which is proven by a manifest, pages
// and chunks (see store/blob). It is told what happened and when, and [Fetch.Next] answers with what is
// to be done now and when to ask again. It touches no socket, clock or file, holds no bytes and proves
// nothing: its owner, the room node/files, carries out the effects, puts the bytes that come into
// buffers, and tells whether a part that has come whole is what its hash says. The same inputs lead to
// the same effects. One goroutine calls all Fetches and Paces of a node; nothing in here fails.
//
// The manifest comes first, then the pages, each before the chunks that it proves. With one source
// chunks are asked for in order. With several, those go first that fewest have; of equals any, so that
// readers who begin together soon have something to give each other. A chunk is asked for in pieces,
// so that a slow link has short answers; all pieces come from one source, and so one is to blame when
// the chunk is not what its leaf says. What has come of a chunk whose source went away, stalled or was
// busy is kept for that source, of two chunks at most; as soon as another source takes the chunk over,
// it begins anew and the rest is put away. At the end, what is still on its way is asked of a second
// source, and what takes very long of further ones.
//
// A [Pace] bounds what is asked of one device, over all attachments that are fetched from it, so that
// words never wait long behind files. A source that gives wrong bytes twice is asked no more. One that
// gives nothing, or hardly anything, is left alone for a while; one that has nothing is asked from time
// to time whether it has by now. As long as one source is honest, here, and has what is missing, the
// others can slow a transfer down and no more.
package fetch
