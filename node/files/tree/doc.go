// Package tree turns a file or a folder on this disk into one stream of bytes, and such a stream into a
// file or a folder.
//
// A Stream says what is in the stream and where: that of a file is its content, that of a folder is an
// index (store/blob) and then the contents in its order. A Source reads it. Scan makes one of what the
// owner wants to send; Destination.Source makes one of what was saved, so that it can be served on. A
// Source keeps nothing open but a folder. It opens what it reads, looks at it again afterwards, and
// fails with ErrChanged if that is not what it was.
//
// Others than us know tar: Unpack makes a stream of such an archive, for whoever has a folder that this
// program can't read, and Pack makes an archive of a stream.
//
// A Destination is the folder that files are saved in. Something unfinished is in it as
// .earshot-ID.part, a Partial, which takes the stream in any order, from several goroutines. Finish
// gives it its name; no name is ever taken from something else, and nothing half done has one. After a
// crash of the program a Partial has everything that was written, after one of the machine everything
// that was written before the last Sync. Begin opens it again; which parts were written is the caller's
// to remember, who asks for what is Missing all the same, and so is the index of a folder.
//
// Everything is opened below an os.Root: below the folder that is sent, the one where files are saved,
// or the one that is being written. No link leads out of it, wherever it points and whenever somebody
// puts it there. Links, pipes, sockets and devices are not sent and never opened; what is saved has no
// owners, links or attributes from outside, and the names that node/files/naming gives.
//
// The room node/files uses this package. What arrives must have been proven before it is written. How
// much room there is, is asked by whoever calls. Errors match one of errors.go or are the system's, such
// as that of a full disk: nothing is lost then, and the same call may be made again.
package tree
