package blob

import "sync"

// Buffer has room for a chunk, sealed or not.
type Buffer [ChunkSize + SealOverhead]byte

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// NewBuffer returns a buffer with anything in it.
func NewBuffer() *Buffer { return buffers.Get().(*Buffer) }

// Free gives the buffer back. Nobody may use it any more.
func (b *Buffer) Free() { buffers.Put(b) }
