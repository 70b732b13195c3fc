package people

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// The recovery words are given until they are on paper, and their owner can put that off.
func TestRecoveryWords(t *testing.T) {
	h := newHome(t)
	now, told := time.UnixMilli(1_000_000), 0
	open := func() *Owner {
		o, err := NewOwner(h.store, OwnerConfig{Set: func() { told++ }, Now: func() time.Time { return now }})
		h.check(err)
		return o
	}
	o, ctx := open(), t.Context()
	later := now.Add(time.Hour)
	h.check(o.SetRecoveryLater(ctx, later))
	words := []string(nil)
	for range 2 {
		me, _ := o.Me(ctx)
		if !me.RecoveryKept || !me.RecoveryLater.Equal(later) {
			t.Errorf("%+v", me)
		}
		var err error
		words, err = o.RecoveryWords()
		h.check(err)
		h.reopen()
		o = open()
	}
	key, err := crypto.ParseRecovery(strings.Join(words, " "))
	h.check(err)
	if public := key.Public(); !bytes.Contains(h.store.Own().Card.Bytes(), public[:]) {
		t.Error("the words are those of another key")
	}
	now = later
	if me, _ := o.Me(ctx); !me.RecoveryLater.IsZero() {
		t.Errorf("when it is over: %v", me.RecoveryLater)
	}
	told = 0
	h.check(o.ForgetRecovery(ctx))
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	for range 2 {
		if me, _ := o.Me(ctx); me.RecoveryKept {
			t.Error("it is kept")
		}
		if words, err := o.RecoveryWords(); words != nil || !errors.Is(err, ErrNoRecovery) {
			t.Errorf("%d words, %v", len(words), err)
		}
		if err := o.ForgetRecovery(ctx); !errors.Is(err, ErrNoRecovery) {
			t.Error(err)
		}
		h.reopen()
		o = open()
	}
}
