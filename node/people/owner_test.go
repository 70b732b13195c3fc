package people

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// desk is an owner and what was told of them.
type desk struct {
	*Owner
	renamed   []event.Record
	accepting []string
}

func (h *home) owner() *desk {
	h.t.Helper()
	d := &desk{}
	var err error
	d.Owner, err = NewOwner(h.store, OwnerConfig{
		Renamed:   func(profile event.Record) { d.renamed = append(d.renamed, profile) },
		Accepting: func(accept string) { d.accepting = append(d.accepting, accept) },
	})
	h.check(err)
	return d
}

// What the owner sets is told, and holds after a restart.
func TestOwnerSets(t *testing.T) {
	h := newHome(t)
	o, ctx := h.owner(), t.Context()
	me, _ := o.Me(ctx)
	if own := h.store.Own(); !reflect.DeepEqual(me, Me{Person: own.Person, Device: own.Device.ID(), Accept: AcceptEveryone, ReadReceipts: true, Typing: true, Presence: true, Alerts: AlertsFull, Filing: Filing{Auto: FetchDefault, Keep: DefaultKeep}, RecoveryKept: true}) || o.Profile() != nil {
		t.Errorf("at first: %+v", me)
	}
	for _, name := range []string{"Anna", "Ann"} {
		h.check(o.SetName(ctx, name))
		h.check(o.SetAccept(ctx, AcceptContacts))
		h.check(o.SetReadReceipts(ctx, false))
	}
	if len(o.renamed) != 2 || NameIn(&o.renamed[1]) != "Ann" || !event.Newer(o.renamed[1], o.renamed[0]) {
		t.Errorf("told %d times of a new name", len(o.renamed))
	}
	if len(o.accepting) != 2 || o.accepting[0] != AcceptContacts {
		t.Errorf("told of %q", o.accepting)
	}
	for _, when := range []string{"at once", "after a restart"} {
		me, _ := o.Me(ctx)
		if me.Name != "Ann" || me.Accept != AcceptContacts || me.ReadReceipts || o.Name() != "Ann" || o.Accepts() != AcceptContacts {
			t.Errorf("%s: %+v", when, me)
		}
		h.reopen()
		o = h.owner()
	}
	h.check(o.SetAccept(ctx, AcceptEveryone))
	h.check(o.SetReadReceipts(ctx, true))
	for range 2 {
		if me, _ := o.Me(ctx); me.Accept != AcceptEveryone || !me.ReadReceipts {
			t.Errorf("set back: %+v", me)
		}
		h.reopen()
		o = h.owner()
	}
}

// What is not allowed or not on the disk is neither shown nor told.
func TestOwnerMayNotSet(t *testing.T) {
	h := newHome(t)
	o, ctx := h.owner(), t.Context()
	if err := o.SetAccept(ctx, "nobody"); !errors.Is(err, ErrSetting) {
		t.Errorf("accept nobody: %v", err)
	}
	if err := o.SetName(ctx, "a\nb"); err == nil {
		t.Error("a name of two lines")
	}
	h.ends()
	for what, err := range map[string]error{
		"name": o.SetName(ctx, "Ann"), "accept": o.SetAccept(ctx, AcceptContacts),
		"read receipts": o.SetReadReceipts(ctx, false),
	} {
		if err == nil {
			t.Errorf("%s is set though the store has ended", what)
		}
	}
	if me, _ := o.Me(ctx); me.Name != "" || me.Accept != AcceptEveryone || !me.ReadReceipts || len(o.renamed)+len(o.accepting) != 0 {
		t.Errorf("shown: %+v, told: %d, %q", me, len(o.renamed), o.accepting)
	}
}

// Who is told that something has changed, and looks at once, sees it: persons and what the owner has
// set are up to date before the commit is told.
func TestShownBeforeAnybodyIsTold(t *testing.T) {
	h := newHome(t)
	bob, ctx := newSomebody(t), t.Context()
	h.meets(bob, "Bob")
	h.keeps(bob)
	h.ends()
	var o *desk
	var seen []string // each time somebody was told
	h.told = func() {
		p, _ := h.Get(bob.id())
		me, _ := o.Me(ctx)
		seen = append(seen, fmt.Sprint(p.Petname, " ", me.Name, " ", me.Accept, " ", me.ReadReceipts))
	}
	h.open()
	o = h.owner()
	h.check(h.Update(ctx, bob.id(), func(p *book.Person) error { p.Petname = "Rob"; return nil }))
	h.check(o.SetName(ctx, "Ann"))
	h.check(o.SetAccept(ctx, AcceptContacts))
	h.check(o.SetReadReceipts(ctx, false))
	h.ends() // then all were told
	want := []string{"Rob  everyone true", "Rob Ann everyone true", "Rob Ann contacts true", "Rob Ann contacts false"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}
