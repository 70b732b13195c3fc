// Package gifts has what package give gives to peers: attachments of messages, as far as they are on this disk.
//
// A [Backend] looks for each request whether the person may have the message now, by Config.MayRead, and answers "not
// here" and "not for you" alike. It reads by package place, so that nothing is given that isn't proven. It remembers
// what whom was given of late, which the owner is shown, and which originals were found to be not what they were; what
// follows from that node/files decides. It writes nothing down.
//
// Any goroutine may use a Backend; it starts none. What it remembers is lost when the node ends.
package gifts
