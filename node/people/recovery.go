package people

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// ErrNoRecovery: the recovery words are not kept here any more. Their owner has them on paper.
var ErrNoRecovery = errors.New("the recovery words are not kept here any more")

// RecoveryWords returns the words of the owner's recovery key, or ErrNoRecovery.
func (o *Owner) RecoveryWords() ([]string, error) {
	key := o.store.Recovery()
	if key == nil {
		return nil, ErrNoRecovery
	}
	return key.Words(), nil
}

// ForgetRecovery takes the recovery key off the disk, since its words are on paper, or returns ErrNoRecovery.
func (o *Owner) ForgetRecovery(ctx context.Context) error {
	if o.store.Recovery() == nil {
		return ErrNoRecovery
	}
	if err := o.store.ForgetRecovery(); err != nil {
		return err
	}
	return o.SetRecoveryLater(ctx, time.Time{}) // which also tells screens that something has changed
}

// SetRecoveryLater has screens not remind the owner of the recovery words before a time. One that is past
// ends that.
func (o *Owner) SetRecoveryLater(ctx context.Context, later time.Time) error {
	value := ""
	if later.After(o.cfg.Now()) {
		value = strconv.FormatInt(later.UnixMilli(), 10)
	}
	return o.set(ctx, settingLater, value, func() { o.later = later })
}

// readTime returns the time that a setting stands for; zero: none.
func readTime(value string) time.Time {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
