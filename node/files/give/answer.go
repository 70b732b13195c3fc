package give

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/store/blob"
)

const (
	// fresh is how long what the Backend has said holds: whether a peer may have something.
	fresh = time.Second
	// maxDesks is how many attachments of one stream are open: as many as are fetched at once of a
	// person.
	maxDesks = 2
	// bufferSize is what each of them takes, in bytes.
	bufferSize = blob.ChunkSize + blob.SealOverhead
	// headroom is for the frame of a reply before raw bytes.
	headroom = 32
)

type buffer [headroom + bufferSize]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// desk is an attachment that is being given: what the Backend has said of it, and the part of it that
// is in hand.
type desk struct {
	of     exchange.Attachment
	since  time.Time // when the Backend said so; zero: it was not asked
	source Source    // nil: err says why
	err    error
	buffer *buffer
	part   part // that stands in the buffer; zero: none
	size   int  // of the part
}

// part is what is read at once: a manifest, pages or a chunk.
type part struct {
	what         exchange.What
	first, count int
}

// partOf returns which part a request is about, and where in it what is asked for begins, and how much of
// it is: all if count is 0.
func partOf(q *exchange.Request) (p part, from, count int) {
	if q.What == exchange.Bytes {
		return part{exchange.Bytes, int(q.First / blob.ChunkSize), 1}, int(q.First % blob.ChunkSize), q.Count
	}
	return part{q.What, int(q.First), q.Count}, 0, 0 // all of it
}

// desks are those of a stream, the one that was used last first. Who answers owns them.
type desks struct {
	*giving
	all []*desk
}

// answerAll answers requests in order, until there are no more.
func (v *giving) answerAll(ctx context.Context) error {
	d := desks{giving: v}
	defer d.clear()
	defer v.g.way.leave(v)
	idle := time.NewTimer(fresh)
	defer idle.Stop()
	for {
		select {
		case a, ok := <-v.queue:
			if !ok {
				return nil
			}
			v.g.way.enter(v)
			if err := d.answer(ctx, a); err != nil {
				return err
			}
			idle.Reset(fresh)
		case <-v.short:
			d.clear()
		case <-idle.C:
			v.g.way.leave(v)
			d.clear()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// clear forgets all, and gives their memory back.
func (d *desks) clear() {
	for _, k := range d.all {
		d.close(k)
	}
	d.all = nil
}

func (d *desks) close(k *desk) {
	if k.source != nil {
		k.source.Close()
	}
	d.free(k)
}

// free gives the memory of a part back.
func (d *desks) free(k *desk) {
	if k.buffer == nil {
		return
	}
	buffers.Put(k.buffer)
	k.buffer, k.part = nil, part{}
	d.peer.Account.Release(bufferSize)
	if !slices.ContainsFunc(d.all, func(k *desk) bool { return k.buffer != nil }) {
		d.g.holders.leave(d.giving)
	}
}

// find returns the desk of an attachment, in the place of the one that was used longest ago if need be.
func (d *desks) find(of exchange.Attachment) *desk {
	at := slices.IndexFunc(d.all, func(k *desk) bool { return k.of == of })
	if at < 0 {
		if len(d.all) == maxDesks {
			d.close(d.all[maxDesks-1])
			d.all = d.all[:maxDesks-1]
		}
		at = len(d.all)
		d.all = append(d.all, &desk{of: of})
	}
	k := d.all[at]
	copy(d.all[1:at+1], d.all[:at])
	d.all[0] = k
	return k
}

// answer answers a request, in pieces.
func (d *desks) answer(ctx context.Context, a *asked) error {
	defer d.answered(a)
	for at, more := 0, true; more; {
		var err error
		if at, more, err = d.piece(ctx, a, at); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for so long, and gives memory back meanwhile if others need it.
func (d *desks) pause(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-d.short:
			d.clear()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// out waits until something may go out by the way of all streams, and returns how many bytes.
func (d *desks) out(ctx context.Context) (int, error) {
	if d.peer.Unsent == nil {
		return pieceSize, nil
	}
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		if n := d.g.way.room(d.giving); n > 0 {
			return n, nil
		}
		if err := d.pause(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// Why a request is answered with something else than what it asks for, besides what a Backend says.
var (
	errOff  = errors.New("called off")
	errBusy = errors.New("busy")
)

// status is how a peer is told.
func (d *desks) status(ctx context.Context, err error) exchange.Status {
	switch {
	case ctx.Err() != nil, errors.Is(err, errBusy):
		return exchange.Busy
	case errors.Is(err, ErrChanged):
		return exchange.Changed
	case errors.Is(err, ErrGone):
		return exchange.Gone
	case !errors.Is(err, ErrNotHere) && !errors.Is(err, errOff):
		d.g.cfg.Log.Debug("file is not given", "peer", d.peer.Device, "err", err)
	}
	return exchange.NotHere
}

// piece is a part of an answer that is written at once: a reply, and raw bytes.
type piece struct {
	exchange.Reply
	desk *desk // whose buffer has the raw bytes, if there are any
	from int   // where in it
	more bool  // comes after it
}

// piece gives the next piece of an answer, of which at bytes were given, and returns how many are now,
// and whether there are more.
func (d *desks) piece(ctx context.Context, a *asked, at int) (after int, more bool, err error) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-d.line.free:
		defer func() { d.line.free <- struct{}{} }()
	case <-soon.Done(): // next says so
	}
	p, err := d.next(soon, a, at)
	if ctx.Err() != nil {
		return 0, false, context.Cause(ctx)
	}
	if err != nil {
		p = piece{Reply: exchange.Reply{ID: a.id, Status: d.status(soon, err)}}
	}
	head := exchange.AppendFrame(nil, p.Marshal())
	if p.Size == 0 {
		return at, p.more, d.write(head)
	}
	d.g.way.gave(p.Size)
	err = d.writeBehind(head, &p)
	if p.from+p.Size == p.desk.size {
		d.free(p.desk) // what comes next is another part, and others may wait for memory
	}
	return at + p.Size, p.more, err
}

// writeBehind writes raw bytes that stand in the buffer behind the reply that announces them. So that
// nothing is copied, the reply takes the place of the bytes before, which come back afterwards.
func (d *desks) writeBehind(head []byte, p *piece) error {
	at := headroom + p.from - len(head)
	b := p.desk.buffer[at : headroom+p.from+p.Size]
	var kept [headroom]byte
	copy(kept[:], b[:len(head)])
	copy(b, head)
	err := d.write(b)
	copy(b, kept[:len(head)])
	return err
}

// next returns what is to be written for a request of which at bytes were given.
func (d *desks) next(ctx context.Context, a *asked, at int) (p piece, err error) {
	select {
	case <-d.short:
		d.clear()
	default:
	}
	switch {
	case a.busy, ctx.Err() != nil:
		return p, errBusy
	case a.off.Load():
		return p, errOff
	}
	most, err := d.out(ctx)
	if err != nil {
		return p, err
	}
	k := d.find(a.Of)
	p.Reply = exchange.Reply{ID: a.id, Status: exchange.OK}
	if err := d.open(ctx, k); err != nil {
		return p, err
	}
	if a.What == exchange.Have {
		p.Had, p.Some = k.source.Have()
		p.Some = p.Some[:min(len(p.Some), exchange.MaxStretches)]
		return p, nil
	}
	want, from, count := partOf(&a.Request)
	if k.part != want {
		if err := d.read(ctx, k, want); err != nil {
			return p, err
		}
	}
	end := from + count
	if count == 0 {
		end = k.size
	}
	p.desk, p.from = k, from+at
	if p.from >= end || end > k.size {
		return p, ErrNotHere
	}
	p.Size = min(most, end-p.from)
	if a.What == exchange.Manifest && at == 0 {
		p.Had = end
	}
	p.more = p.from+p.Size < end
	return p, nil
}

// open has the Backend say what it has of an attachment, if that is long ago.
func (d *desks) open(ctx context.Context, k *desk) error {
	if !k.since.IsZero() && time.Since(k.since) < fresh {
		return k.err
	}
	done, err := d.peer.Account.Turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if k.source != nil {
		k.source.Close()
	}
	k.source, k.err = d.g.cfg.Backend.Open(ctx, d.peer, k.of)
	if k.since = time.Now(); k.err != nil && ctx.Err() != nil {
		k.since = time.Time{} // that says nothing of the attachment
	}
	return k.err
}

// read reads a part, when it is the turn of whoever asks for it.
func (d *desks) read(ctx context.Context, k *desk, p part) error {
	if k.buffer == nil {
		if err := d.room(ctx, k); err != nil {
			return err
		}
		k.buffer = buffers.Get().(*buffer)
		d.g.holders.enter(d.giving)
	}
	end, err := d.g.turns[d.peer.Standing].take(ctx, &d.person.share, bufferSize)
	if err != nil {
		return err
	}
	defer end()
	done, err := d.peer.Account.Turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	k.part = part{}
	if k.size, err = k.read(ctx, p); err == nil {
		k.part = p
	}
	return err
}

// room takes memory for a buffer, if need be that of the other desks, or of whoever has held some for
// longest.
func (d *desks) room(ctx context.Context, k *desk) error {
	if d.peer.Account.Hold(bufferSize) {
		return nil
	}
	for _, other := range d.all {
		if other != k {
			d.close(other)
		}
	}
	d.all = []*desk{k}
	for {
		d.g.holders.shed(d.giving)
		soon, cancel := context.WithTimeout(ctx, heldFor)
		err := d.peer.Account.Wait(soon, bufferSize)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

func (k *desk) read(ctx context.Context, p part) (size int, err error) {
	into := k.buffer[headroom:]
	switch p.what {
	case exchange.Manifest:
		return k.source.Manifest(ctx, into)
	case exchange.Bytes:
		return k.source.Chunk(ctx, p.first, into)
	}
	for i := range p.count {
		n, err := k.source.Page(ctx, p.first+i, into[size:])
		if err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}
