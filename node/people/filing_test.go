package people

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnerSetsFiling(t *testing.T) {
	h := newHome(t)
	usual, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	told := 0
	open := func() *Owner {
		o, err := NewOwner(h.store, OwnerConfig{Set: func() { told++ }, Folder: usual})
		h.check(err)
		return o
	}
	o, ctx := open(), t.Context()
	if got, want := o.Filing(), (Filing{FetchDefault, usual, DefaultKeep, 0}); got != want {
		t.Errorf("at first %+v, want %+v", got, want)
	}
	auto, dir, keep, most := FetchOff, other+string(filepath.Separator), uint64(0), uint64(7<<30)
	h.check(o.SetFiling(ctx, FilingChange{Auto: &auto}))
	h.check(o.SetFiling(ctx, FilingChange{Dir: &dir, Keep: &keep, Max: &most}))
	if told != 4 {
		t.Errorf("told %d times", told)
	}
	want := Filing{FetchOff, other, 0, 7 << 30}
	for range 2 {
		if me, _ := o.Me(ctx); me.Filing != want {
			t.Errorf("%+v, want %+v", me.Filing, want)
		}
		h.reopen()
		o = open()
	}
	relative, long, broken, some, much := "files", "/"+strings.Repeat("x", maxFolder), "/\xff", "some", uint64(MaxKeep+1)
	for _, to := range []FilingChange{{Auto: &some}, {Dir: &relative}, {Dir: &long}, {Dir: &broken}, {Keep: &much}, {Auto: &auto, Keep: &much}} {
		auto = FetchOn
		if err := o.SetFiling(ctx, to); !errors.Is(err, ErrSetting) || o.Filing() != want {
			t.Errorf("%+v: %v, then %+v", to, err, o.Filing())
		}
	}
	back, none := "", uint64(0)
	h.check(o.SetFiling(ctx, FilingChange{Dir: &back, Max: &none}))
	if got := o.Filing(); got.Dir != usual || got.Max != 0 {
		t.Errorf("set back: %+v", got)
	}
}

// A value of a later version fetches less, not more.
func TestUnknownFetchIsOff(t *testing.T) {
	h := newHome(t)
	h.check(h.store.Book().SetSetting(t.Context(), settingFetch, "sometimes"))
	if got := h.owner().Filing().Auto; got != FetchOff {
		t.Errorf("%q", got)
	}
}
