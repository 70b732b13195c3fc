package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/earshot-im/earshot/node/quiet"
)

// How much notifications show: who writes and what, who writes, or only that something has come.
const (
	AlertsFull    = "full"
	AlertsName    = "name"
	AlertsNothing = "nothing"
)

// signs is what the owner has set about the moment: what others are told of it, and what the owner is
// told aloud.
type signs struct {
	noTyping   bool
	noPresence bool
	alerts     string // AlertsFull, AlertsName or AlertsNothing
	hours      []quiet.Hours
	until      time.Time
}

// readSigns makes of settings what they stand for. What a newer program may have set counts as not set.
func readSigns(values map[string]string) signs {
	g := signs{noTyping: values[settingTyping] != "", noPresence: values[settingAway] != "", alerts: cmp.Or(values[settingAlerts], AlertsFull)}
	if !showsAlerts(g.alerts) {
		g.alerts = AlertsNothing
	}
	g.hours, _ = quiet.Parse(values[settingHours])
	g.until = readTime(values[settingUntil])
	return g
}

func showsAlerts(how string) bool {
	return how == AlertsFull || how == AlertsName || how == AlertsNothing
}

// Tells says whether the owner wants it told, and to be told, who writes and who is away.
func (o *Owner) Tells() (typing, presence bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.signs.noTyping, !o.signs.noPresence
}

// SetTyping says whether others are told when the owner writes, and the owner when they do.
func (o *Owner) SetTyping(ctx context.Context, on bool) error {
	return o.set(ctx, settingTyping, off(on), func() { o.signs.noTyping = !on })
}

// SetPresence says whether contacts are told when the owner is away, and the owner when they are.
func (o *Owner) SetPresence(ctx context.Context, on bool) error {
	return o.set(ctx, settingAway, off(on), func() { o.signs.noPresence = !on })
}

// SetAlerts says how much notifications show: AlertsFull, AlertsName or AlertsNothing.
func (o *Owner) SetAlerts(ctx context.Context, how string) error {
	if !showsAlerts(how) {
		return fmt.Errorf("%w: alerts %q", ErrSetting, how)
	}
	return o.set(ctx, settingAlerts, how, func() { o.signs.alerts = how })
}

// SetQuietHours says when the owner is not notified.
func (o *Owner) SetQuietHours(ctx context.Context, hours []quiet.Hours) error {
	if err := quiet.Check(hours); err != nil {
		return fmt.Errorf("%w: %w", ErrSetting, err)
	}
	hours = slices.Clone(hours)
	return o.set(ctx, settingHours, quiet.Marshal(hours), func() { o.signs.hours = hours })
}

// SetQuietUntil says until when the owner is not notified. A time that is past ends that.
func (o *Owner) SetQuietUntil(ctx context.Context, until time.Time) error {
	value := ""
	if until.After(o.cfg.Now()) {
		value = strconv.FormatInt(until.UnixMilli(), 10)
	}
	return o.set(ctx, settingUntil, value, func() { o.signs.until = until })
}

// set commits a setting, shows it and tells of it.
func (o *Owner) set(ctx context.Context, name, value string, change func()) error {
	if err := o.store.Book().SetSetting(ctx, name, value, func() { o.show(change) }); err != nil {
		return err
	}
	o.cfg.Set()
	return nil
}

// off is the value of a setting that turns something off.
func off(on bool) string {
	if on {
		return ""
	}
	return "1"
}
