package tx

import "github.com/earshot-im/earshot/store/engine"

// Batch is a transaction that writes. Its reader sees what it has written. Errors of writing are
// kept, not returned: the first undoes the whole batch, even if all that runs after it succeeds.
type Batch struct {
	Reader
	batch   *engine.Batch
	changes int
	then    []func()
	err     error
}

// Put sets the value of a key.
func (b *Batch) Put(bucket Bucket, key, value []byte) {
	b.changes++
	b.Fail(b.batch.Put(string(bucket), key, value))
}

// Delete removes a key, if it is there.
func (b *Batch) Delete(bucket Bucket, key []byte) {
	b.changes++
	b.batch.Delete(string(bucket), key)
}

// Take deletes the keys that begin with a prefix, and calls f for each before, ascending. f must not keep what it is
// given, and not call the batch.
func (b *Batch) Take(bucket Bucket, prefix []byte, f func(k, v []byte)) {
	b.changes++
	b.batch.Take(string(bucket), prefix, f)
}

// Next advances the sequence of a bucket and returns it: 1 the first time.
func (b *Batch) Next(bucket Bucket) uint64 {
	b.changes++
	n := b.Sequence(bucket) + 1
	b.batch.SetSequence(string(bucket), n)
	return n
}

// Erase has what the batch deletes or replaces overwritten on the disk, within about an hour.
func (b *Batch) Erase() { b.batch.Erase() }

// Defer counts a change that is only written by Hooks.Finish. Without it a function that has
// changed nothing else would be taken for one that changed nothing.
func (b *Batch) Defer() { b.changes++ }

// Then has f called when the batch has ended without an error, in the goroutine that has written it,
// before anybody gets an answer or is told of the batch. f must not call the store. So whoever keeps
// a copy of what is on the disk changes it before others can look for what has changed.
func (b *Batch) Then(f func()) { b.then = append(b.then, f) }

// ended calls what Then was given.
func (b *Batch) ended() {
	for _, f := range b.then {
		f()
	}
}

// Changes returns how many changes were made or deferred so far.
func (b *Batch) Changes() int { return b.changes }

// Fail takes the batch down because of an error. nil does nothing.
func (b *Batch) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
