package groups

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxArriving bounds the groups that are arriving. Mostly each is there within a second, since
	// whoever welcomes the owner also has the control events. But whoever comes back after a month,
	// or puts an old backup back, is welcomed to all at once: by one person, to as many as a session
	// brings (256), or by 50 persons to 20 each.
	maxArriving = 1024

	// maxSought bounds the groups of one author of joins that are offered to everybody, since the
	// members may not know the join. There are more only where somebody has gone for ever, or is up to
	// something, and each costs a tag in every session.
	maxSought = 8

	// arrivesWithin is how long a group may take to arrive: as long as a request may wait.
	arrivesWithin = 30 * 24 * time.Hour

	// maxPieces bounds in bytes what has come of all groups that are arriving: of two by one person as
	// much as a group may have. See fits.
	maxPieces = 4 * event.MaxControlSet
)

// arriving is a group that the owner has accepted, or into which a contact has brought them, and in
// which they are not yet by the control events that are here.
type arriving struct {
	book.Accepted
	create event.Event
	join   event.Event
	secret [32]byte
	name   string // as the founder called it

	members uint64 // as whoever invited the owner said

	changing gosync.Mutex // held while a piece is taken in; taken before Groups.joining and Groups.mu

	// Groups.mu guards the rest. It changes only while changing is held as well.
	engine  *authority.Group // replaced by a change, and takes in nothing; nil: not made yet, see begun
	size    int              // of the pieces on the disk, in bytes
	authors map[crypto.PersonID]bool
}

// Arriving returns the groups that are arriving, in the order of their IDs.
func (g *Groups) Arriving() (out []Shared) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sought := make(map[crypto.PersonID]int)
	for _, a := range g.oldest() {
		seek := !a.Void && sought[a.By] < maxSought
		if seek {
			sought[a.By]++
		}
		out = append(out, Shared{ID: a.Group, Secret: a.secret, Quiet: true, Join: a.Join, Seek: seek})
	}
	slices.SortFunc(out, func(a, b Shared) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// oldest returns the groups that are arriving, those first that have waited for longest. The caller
// holds mu.
func (g *Groups) oldest() []*arriving {
	return slices.SortedFunc(maps.Values(g.arriving), func(a, b *arriving) int {
		return cmp.Or(a.Since.Compare(b.Since), bytes.Compare(a.Group[:], b.Group[:]))
	})
}

// Others returns the groups that Shared does not return for a person: those that are arriving, and
// those that are no business of the person by what is known here. If the person is a member all the
// same, this node lacks control events. Whoever knows the secret of such a group may bring them, and
// gets nothing for that.
func (g *Groups) Others(person crypto.PersonID) []Shared {
	out := g.Arriving()
	for _, it := range g.all() {
		_ = it.with(func(it *group) error {
			if !it.shared(g.self, person) {
				out = append(out, Shared{ID: it.id, Secret: it.secret, Quiet: true, Apart: true, Void: it.voidOf(g.self, person)})
			}
			return nil
		})
	}
	return out
}

// voidOf returns the last joins of a person who is none of the group by what is known here: none of them
// counts. Whoever is no member does not decide that. The caller holds mu.
func (it *group) voidOf(owner, person crypto.PersonID) []crypto.Hash {
	if _, in := it.state.Member(owner); !in || it.engine.Ever(person) {
		return nil
	}
	joins := it.engine.LastJoins(person, wire.MaxVoid)
	slices.SortFunc(joins, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	return joins
}

func (g *Groups) arrivingOf(id event.Conversation) *arriving {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.arriving[id]
}

// locatorOf returns the locator of a group that is arriving, nil of another.
func (g *Groups) locatorOf(id event.Conversation) []crypto.Hash {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.arriving[id]
	switch {
	case a == nil:
		return nil
	case a.engine == nil:
		return []crypto.Hash{crypto.Hash(a.create.ID)}
	}
	return a.engine.Locator()
}

// newArriving makes a group arrive of which nothing but a welcome has come.
func newArriving(of book.Accepted, w *wire.Welcome) (*arriving, error) {
	create, err := createOf(&w.Create)
	if err != nil {
		return nil, err
	}
	return &arriving{Accepted: of, create: w.Create, join: w.Join, secret: create.Secret, name: create.Name, members: w.Members,
		authors: map[crypto.PersonID]bool{create.Person: true, of.By: true}}, nil
}

// createOf returns what a create event says.
func createOf(e *event.Event) (create event.Create, err error) {
	body, err := e.ParseBody()
	if err != nil {
		return create, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	act, err := event.ParseControl(e.Header.Kind, body.Content)
	create, ok := act.(event.Create)
	if err != nil || !ok {
		return create, fmt.Errorf("%w: no create event", ErrUnproven)
	}
	return create, nil
}

// arrive has a group arrive that the owner has accepted by a join. If the group is known, the owner is
// in again. If too many are arriving, another one is forgotten: it comes again with its welcome.
func (g *Groups) arrive(ctx context.Context, w *wire.Welcome, by crypto.PersonID) error {
	of := book.Accepted{Group: w.Group(), Join: crypto.Hash(w.Join.ID), By: by}
	if it, err := g.get(of.Group); err == nil {
		return g.comeBack(ctx, it, of)
	}
	of.Welcome = w.Marshal()
	a, err := newArriving(of, w)
	if err != nil {
		return err
	}
	g.joining.Lock()
	defer g.joining.Unlock()
	if g.Known(of.Group) || g.arrivingOf(of.Group) != nil {
		return nil
	}
	instead := g.instead(by)
	if a.Accepted, err = g.store.Book().Accept(ctx, of, instead...); err != nil {
		return err
	}
	g.mu.Lock()
	for _, id := range instead {
		delete(g.arriving, id)
	}
	g.arriving[of.Group] = a
	g.mu.Unlock()
	g.cfg.Arriving(of.Group, false)
	return nil
}

// comeBack has the owner be in a known group again, by a join that they have accepted.
func (g *Groups) comeBack(ctx context.Context, it *group, of book.Accepted) error {
	it.changing.Lock()
	defer it.changing.Unlock()
	if _, err := g.store.Book().Accept(ctx, of); err != nil {
		return err
	}
	it.mu.Lock()
	it.accepted, it.kept = of.Join, of.Join
	before := it.state
	it.mu.Unlock()
	g.publish(it, it.engine)
	return g.finish(ctx, it, before)
}

// instead returns which groups have to go so that one more by somebody can arrive; none if there is
// room. Those whose join is said not to count hold no place, and go first where too many are kept.
func (g *Groups) instead(by crypto.PersonID) (out []event.Conversation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.oldest()
	if i := slices.IndexFunc(all, func(a *arriving) bool { return a.Void }); i >= 0 && len(all) >= g.mostArriving {
		out = append(out, all[i].Group)
	}
	all = slices.DeleteFunc(all, func(a *arriving) bool { return a.Void })
	if i := inTheWay(len(all), g.mostArriving, func(i int) crypto.PersonID { return all[i].By }, by); i >= 0 {
		out = append(out, all[i].Group)
	}
	return out
}

// inTheWay returns which of n things, the oldest first, has to go so that somebody may hold one more;
// -1 if none has to. Nobody may hold more than they leave free. Whoever would loses their oldest; for
// somebody who holds nothing, the oldest goes of whoever holds most.
func inTheWay[K comparable](n, most int, holder func(int) K, by K) int {
	held := make(map[K]int)
	first := make(map[K]int)
	for i := range n {
		if h := holder(i); held[h] == 0 {
			first[h] = i
		}
		held[holder(i)]++
	}
	switch {
	case held[by]+1 <= most-(n+1):
		return -1
	case held[by] > 0:
		return first[by]
	}
	greediest := -1
	for i := range n {
		if greediest < 0 || held[holder(i)] > held[holder(greediest)] {
			greediest = i
		}
	}
	return greediest
}

// fits says whether there is room for so many bytes more of a group that is arriving.
func (g *Groups) fits(a *arriving, bytes int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	own, all := bytes, bytes
	for _, other := range g.arriving {
		if all += other.size; other.By == a.By {
			own += other.size
		}
	}
	return own <= maxPieces-all
}

// takePiece takes in control events of a group that is arriving. If the owner is in it by them, the
// group is known from then on.
func (g *Groups) takePiece(ctx context.Context, a *arriving, events []event.Event) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if g.arrivingOf(a.Group) != a { // it has arrived meanwhile, or was forgotten
		return g.Admit(ctx, a.Group, events)
	}
	if err := g.begun(a); err != nil {
		return err
	}
	next := a.engine.Clone()
	t, err := g.take(ctx, a.Group, next, events)
	if len(t.fresh) > 0 {
		if err := g.keepPieces(ctx, a, next, t.fresh, t.authors); err != nil {
			return err
		}
	}
	if t.left != nil {
		g.cfg.Strained(a.Group)
	}
	if err == nil {
		err = t.err()
	}
	switch {
	case g.brought(a, next):
		return errors.Join(g.arrived(ctx, a), err)
	case len(t.fresh) > 0:
		g.cfg.Arriving(a.Group, true)
	}
	if next.Has(a.Join) && !next.InForce(g.self, a.Join) {
		err = errors.Join(err, g.voidArriving(ctx, a, crypto.PersonID{}))
	}
	return err
}

// begun makes the engine of a group that is arriving, if there is none, from what is on the disk. The
// error is a *NeedsCardError if it is not known yet who has made the group. The caller holds
// changing.
func (g *Groups) begun(a *arriving) error {
	if a.engine != nil {
		return nil
	}
	create, err := g.understand(&a.create)
	if err != nil {
		return err
	}
	pieces, err := g.store.Book().Pieces(a.Group)
	if err != nil {
		return err
	}
	understood, size := []authority.Event{create}, 0
	for i := range pieces {
		if e, err := g.understand(&pieces[i]); err == nil { // else it is as if it had not come
			understood = append(understood, e)
			size += e.Size
		}
	}
	engine, err := authority.Restore(understood)
	if err != nil {
		return fmt.Errorf("%w: no create event", ErrUnproven)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a.engine, a.size = engine, size
	for _, e := range understood {
		a.authors[e.Author] = true
	}
	return nil
}

// keepPieces writes down what has come of a group that is arriving. The caller holds changing.
func (g *Groups) keepPieces(ctx context.Context, a *arriving, next *authority.Group, fresh []event.Event, authors []crypto.PersonID) error {
	size := 0
	for i := range fresh {
		size += len(fresh[i].HeaderBytes) + len(fresh[i].Body)
	}
	if !g.fits(a, size) {
		return fmt.Errorf("%w: groups that are arriving", store.ErrBudget)
	}
	g.mu.Lock()
	for _, p := range authors {
		a.authors[p] = true
	}
	g.mu.Unlock()
	if err := g.keep(ctx, authors); err != nil {
		return err
	}
	if err := g.store.Book().PutPieces(ctx, a.Group, fresh); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a.engine = next
	a.size += size
	return nil
}

// brought says whether the owner is in a group by a join that was accepted. If that does not count,
// nobody else's join brings them in.
func (g *Groups) brought(a *arriving, engine *authority.Group) bool {
	me, in := engine.State().Member(g.self)
	return in && (engine.InForce(g.self, a.Join) || g.cfg.Authors.Brings(me.InvitedBy))
}

// arrived makes a group known that was arriving. The caller holds its changing.
func (g *Groups) arrived(ctx context.Context, a *arriving) error {
	g.joining.Lock()
	defer g.joining.Unlock()
	pieces, err := g.store.Book().Pieces(a.Group)
	if err != nil {
		return err
	}
	founder, err := createOf(&a.create)
	if err != nil {
		return err
	}
	if err := g.put(ctx, a.Group, append(pieces, a.create), []crypto.PersonID{founder.Person}); err != nil {
		return err
	}
	me, _ := a.engine.State().Member(g.self)
	it := &group{id: a.Group, secret: a.secret, accepted: me.Joined}
	if a.Void {
		it.void = a.Join
	}
	return g.enter(ctx, it, a.engine)
}

// Concerns says whether a person is or was in a group that is known here, or has written in one that
// is arriving: then their cards are needed.
func (g *Groups) Concerns(person crypto.PersonID) (concerns bool) {
	for _, it := range g.all() {
		_ = it.with(func(it *group) error { concerns = concerns || it.engine.Ever(person); return nil })
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.arriving {
		concerns = concerns || a.authors[person]
	}
	return concerns
}
