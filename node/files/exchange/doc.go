// Package exchange speaks /earshot/blob/1, the stream by which devices give each other what is attached
// to messages: it has the frames, and the end that asks. The other end is node/files/give.
//
// A [Conn] asks one peer. It does what it is told: which parts are asked for, of whom, and how much may
// be on the way is decided in node/files/fetch. What comes is put where the caller wants it.
//
// It proves nothing: hashes are looked at by who owns the manifest. It holds no file, chooses no peer
// and knows no messages. The bytes are those of PROTOCOL.md, "Files". What a peer does wrong ends the
// stream, and nothing else.
package exchange
