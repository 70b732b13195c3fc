package people

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/quiet"
)

// What the owner sets about the moment is told and holds after a restart; quiet_until ends by itself.
func TestOwnerSetsSigns(t *testing.T) {
	h := newHome(t)
	now := time.UnixMilli(1_000_000)
	told := 0
	open := func() *Owner {
		o, err := NewOwner(h.store, OwnerConfig{Set: func() { told++ }, Now: func() time.Time { return now }})
		h.check(err)
		return o
	}
	o, ctx := open(), t.Context()
	hours := []quiet.Hours{{Days: []int{1, 5}, From: 1320, To: 420}}
	until := now.Add(time.Hour)
	h.check(o.SetTyping(ctx, false))
	h.check(o.SetPresence(ctx, false))
	h.check(o.SetAlerts(ctx, AlertsName))
	h.check(o.SetQuietHours(ctx, hours))
	h.check(o.SetQuietUntil(ctx, until))
	if told != 5 {
		t.Errorf("told %d times", told)
	}
	for range 2 {
		me, _ := o.Me(ctx)
		if typing, presence := o.Tells(); typing || presence || me.Typing || me.Presence || me.Alerts != AlertsName || !reflect.DeepEqual(me.QuietHours, hours) || !me.QuietUntil.Equal(until) {
			t.Errorf("%+v", me)
		}
		h.reopen()
		o = open()
	}
	for name, err := range map[string]error{
		"alerts": o.SetAlerts(ctx, "some"),
		"hours":  o.SetQuietHours(ctx, []quiet.Hours{{From: 1440}}),
	} {
		if !errors.Is(err, ErrSetting) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = until
	if me, _ := o.Me(ctx); !me.QuietUntil.IsZero() || me.Alerts != AlertsName || len(me.QuietHours) != 1 {
		t.Errorf("when it is over: %+v", me)
	}
	h.check(o.SetTyping(ctx, true))
	h.check(o.SetPresence(ctx, true))
	h.check(o.SetQuietHours(ctx, nil))
	h.check(o.SetQuietUntil(ctx, now))
	h.reopen()
	now = now.Add(-time.Hour)
	if me, _ := open().Me(ctx); !me.Typing || !me.Presence || me.QuietHours != nil || !me.QuietUntil.IsZero() {
		t.Errorf("set back: %+v", me)
	}
}

// A value of a later version shows less, not more.
func TestUnknownAlertsShowNothing(t *testing.T) {
	h := newHome(t)
	h.check(h.store.Book().SetSetting(t.Context(), settingAlerts, "colour"))
	if me, _ := h.owner().Me(t.Context()); me.Alerts != AlertsNothing {
		t.Errorf("%q", me.Alerts)
	}
}
