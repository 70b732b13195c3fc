package files

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// ref is an attachment of a message, which stands for something.
func ref(message byte, n int, blob byte) store.FileRef {
	f := store.FileRef{Message: event.ID{message}, N: n}
	f.Blob, f.State = store.BlobID{blob}, store.FileFetching
	return f
}

// wants adds a job for some attachments.
func (r *Room) wants(refs ...store.FileRef) *job {
	j := &job{id: refs[0].Blob, refs: make(map[refKey]store.FileRef), first: keyOf(&refs[0])}
	for _, f := range refs {
		j.refs[keyOf(&f)] = f
	}
	r.jobs[j.id] = j
	return j
}

// bare is a Room of which only the loop's state is used.
func bare() *Room {
	return &Room{jobs: make(map[store.BlobID]*job), runs: make(map[*run]struct{}), saving: make(map[store.BlobID]*saving),
		notes: notes{next: make(map[refKey]note)}, queue: queue.New[store.BlobID]()}
}

// What is on its way is what has its turn or is saved; of one message it is also what waits, and nothing of others.
func TestMoving(t *testing.T) {
	r := bare()
	runs := func(j *job) {
		j.run = &run{job: j, had: 5}
		r.runs[j.run] = struct{}{}
	}
	runs(r.wants(ref(1, 0, 1), ref(2, 1, 1))) // two messages with the same
	r.wants(ref(1, 1, 2))
	for i := range 100 {
		r.wants(ref(9, i, byte(100+i)))
	}
	old := &job{id: store.BlobID{2}} // wanted no more, and not ended yet
	runs(old)
	r.saving[store.BlobID{3}] = &saving{FileRef: ref(1, 2, 3)}
	r.saving[store.BlobID{4}] = &saving{FileRef: ref(2, 0, 4)}
	r.notes.next[refKey{event.ID{2}, 1}] = note{status: store.FileStatus{State: store.FilePaused}}
	r.unsaved.Store(store.BlobID{2}, ReasonNoFolder)
	names := func(all []moving) (out []refKey) {
		for i := range all {
			out = append(out, keyOf(&all[i].FileRef))
		}
		slices.SortFunc(out, func(a, b refKey) int { return int(a.message[0])*10 + a.n - int(b.message[0])*10 - b.n })
		return out
	}
	key := func(message byte, n int) refKey { return refKey{event.ID{message}, n} }
	now := time.Now()
	all := r.moving(nil, nil, now)
	if got, want := names(all), []refKey{key(1, 0), key(1, 2), key(2, 0), key(2, 1)}; !slices.Equal(got, want) {
		t.Errorf("%v are on their way", got)
	}
	for _, m := range all {
		if m.Message == (event.ID{2}) && m.N == 1 && m.State != store.FilePaused {
			t.Errorf("what is decided and not written down yet is %s", m.State)
		}
	}
	id := event.ID{1}
	some := r.moving(&id, []store.FileRef{ref(1, 0, 1), ref(1, 1, 2), ref(1, 2, 3), ref(1, 3, 77)}, now)
	if got, want := names(some), []refKey{key(1, 0), key(1, 1), key(1, 2)}; !slices.Equal(got, want) {
		t.Errorf("%v of the message are on their way", got)
	}
	if some[1].why != ReasonNoFolder || some[0].why != "" {
		t.Errorf("%q, %q", some[0].why, some[1].why)
	}
}
