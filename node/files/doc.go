// Package files is the room of files and folders: what the owner asks of them, what peers are given,
// what starts by itself, and what is on its way.
//
// What the owner asks are the methods of [Room]. Those that change something return when it is on this
// disk; what takes long, such as fetching, goes on by itself, and [Room.Transfers] tells of it. What the
// owner sends is taken in by package intake, before there is a message. What peers ask comes by package
// exchange and is answered by packages give and gifts, only for whom Config.MayRead lets have the message. What is
// asked of whom is decided by packages fetch and queue, and what is fetched without asking the owner in
// auto.go; these are pure.
//
// What has become of an attachment stands in the store, by its message; what is here of it, on the
// store's shelf. Run has one goroutine, the loop, which owns everything that moves: jobs, runs, sources,
// and what is not written down yet. Others give it functions to call. It never waits for a disk but for
// short reads of the database: chunks are proven, written and synced by workers, which end with Run. A
// state is written down by the loop's notes, one commit after the other, so that what the owner has
// decided is never overwritten by what was true before.
//
// A crash costs at most what was written since the last commit of a run, which is 2 seconds or 256 MiB
// of work. Nothing has its final name before all of it is on the disk.
package files
