// Package give answers what others ask by package exchange for what is attached to messages.
//
// A [Giver] answers on the streams that others open. It asks its [Backend] whether a peer may have what
// they ask for, and gives of it what the backend's [Source] has proven. What that costs is charged to the
// peer's account with package budget; what strangers cost together is bounded. A chunk is read when it
// is the turn of whom it is for, who has got least until then, and one stream of a device is written to
// at a time. So who opens four streams, or has four devices, gets no more than who opens one, and nobody
// waits for somebody who doesn't read. Little is handed to the links before what was given earlier has
// arrived, so that words go first even if many fetch over a slow way, and ask for much at once.
//
// It proves nothing, holds no file, opens no stream and knows no messages. What a peer does wrong ends
// the stream, and nothing else.
package give
