// Package intake takes in what the owner sends: a file or folder as it is on the disk, or a content that somebody
// hands over; a picture without what tells place and device, a voice note as one.
//
// What is taken in is put on the store's shelf, sealed, or with the place where it is; until a message has it, it has
// a name here, for an hour. What no message takes goes by time, which is up to node/files, as is what becomes of all else.
// An [Intake] never writes to what it reads, nor anywhere but in the directory of the node, where a content that comes
// stands in a file without a name.
//
// Any goroutine may use an [Intake]; it starts none. One thing is taken in after the other, since each uses all
// processors. What fails leaves nothing behind that time doesn't take.
package intake
