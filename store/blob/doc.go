// Package blob is what a file or a folder is while it is on its way: one stream of bytes, cut into
// chunks, with the hashes that prove each of them.
//
// A file's stream is its content. A folder's stream is an index, which lists the files, and then
// their contents in the order of the index. A chunk is 1 MiB of the stream, the last one less; its
// hash is a leaf. Up to 1,024 leaves are a page. A Manifest names the pages, and its hash stands in
// the attachment of a message. So whoever has the message can prove the manifest, then each page,
// then each chunk, in any order and from any holder, and what is proven need not be fetched again.
//
// At rest a chunk may be sealed, by a key that follows from the attachment's. The nonce is the
// beginning of the leaf: so what is sealed must be what the leaf says, or a file that changes while
// it is read would have two contents sealed with one nonce. Seal proves it first.
//
// The formats are those of store/FORMAT.md, section "Files and folders". Everything here is pure:
// no files, no clock, no state; any goroutine may call it. Input from outside fails with
// ErrMalformed and never panics. What it may cost is bounded: a manifest takes up to half a MiB, a page
// 32 KiB, a Set of chunks 2 MiB; and an index, of up to 64 MiB, IndexMemory beside itself while it is
// parsed. Which names a receiving disk gives to the files is not decided here, but in
// node/files/naming.
package blob
