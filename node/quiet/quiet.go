// Package quiet is the hours in which the owner is not notified: times of the day on days of the week,
// by the clock on the wall. It is pure: the time of day is that of the time that is given, in its own
// zone. Where a clock is put forward or back, hours are as long as the clock on the wall says.
package quiet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Most is how many Hours there may be: a morning and an evening for each day of the week.
const Most = 14

// ErrHours: there are no such days or times, or too many. The owner is told what is allowed.
var ErrHours = errors.New("no such quiet hours")

const day = 24 * 60 // minutes

// Hours is a time that begins on some days of the week.
type Hours struct {
	Days []int // 1 is Monday, 7 Sunday; ascending; none: all
	From int   // minutes since midnight, below 1,440
	To   int   // the same; not later than From: on the next day
}

// Check returns ErrHours unless all is as it must be.
func Check(all []Hours) error {
	if len(all) > Most {
		return fmt.Errorf("%w: %d of them, and at most %d", ErrHours, len(all), Most)
	}
	for _, h := range all {
		last := 0
		for _, d := range h.Days {
			if d <= last || d > 7 {
				return fmt.Errorf("%w: days from 1 to 7, ascending", ErrHours)
			}
			last = d
		}
		if h.From < 0 || h.From >= day || h.To < 0 || h.To >= day {
			return fmt.Errorf("%w: minutes from 0 to %d", ErrHours, day-1)
		}
	}
	return nil
}

// At reports whether it is quiet at a time.
func At(all []Hours, t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	today := (int(t.Weekday())+6)%7 + 1
	yesterday := (today+5)%7 + 1
	for _, h := range all {
		switch {
		case h.From < h.To:
			if h.on(today) && h.From <= minute && minute < h.To {
				return true
			}
		case h.on(today) && minute >= h.From, h.on(yesterday) && minute < h.To:
			return true
		}
	}
	return false
}

func (h *Hours) on(d int) bool {
	for _, own := range h.Days {
		if own == d {
			return true
		}
	}
	return len(h.Days) == 0
}

// Marshal returns a text that stands for hours: "12345 1320 420;67 0 600". It is "" for none.
func Marshal(all []Hours) string {
	var parts []string
	for _, h := range all {
		days := "*"
		if len(h.Days) > 0 {
			days = ""
		}
		for _, d := range h.Days {
			days += strconv.Itoa(d)
		}
		parts = append(parts, fmt.Sprintf("%s %d %d", days, h.From, h.To))
	}
	return strings.Join(parts, ";")
}

// Parse reads what Marshal has returned.
func Parse(text string) (all []Hours, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ";") {
		var h Hours
		fields := strings.Split(part, " ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%w: %q", ErrHours, part)
		}
		if fields[0] != "*" {
			for _, d := range fields[0] {
				h.Days = append(h.Days, int(d-'0'))
			}
		}
		var errs [2]error
		h.From, errs[0] = strconv.Atoi(fields[1])
		h.To, errs[1] = strconv.Atoi(fields[2])
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHours, err)
		}
		all = append(all, h)
	}
	return all, Check(all)
}
