package quiet

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestAt(t *testing.T) {
	night := Hours{From: 22 * 60, To: 7 * 60}
	weekend := Hours{Days: []int{6, 7}, From: 0, To: 0}
	lunch := Hours{Days: []int{1, 3}, From: 12 * 60, To: 13 * 60}
	fridays := Hours{Days: []int{5}, From: 18 * 60, To: 9 * 60}
	for _, c := range []struct {
		hours []Hours
		at    string // 2 November 2026 is a Monday
		quiet bool
	}{
		{nil, "2026-11-02 03:00", false},
		{[]Hours{night}, "2026-11-02 21:59", false},
		{[]Hours{night}, "2026-11-02 22:00", true},
		{[]Hours{night}, "2026-11-03 06:59", true},
		{[]Hours{night}, "2026-11-03 07:00", false},
		{[]Hours{weekend}, "2026-11-06 23:59", false},
		{[]Hours{weekend}, "2026-11-07 00:00", true},
		{[]Hours{weekend}, "2026-11-08 23:59", true},
		{[]Hours{weekend}, "2026-11-09 00:00", false},
		{[]Hours{lunch}, "2026-11-02 12:00", true},
		{[]Hours{lunch}, "2026-11-02 13:00", false},
		{[]Hours{lunch}, "2026-11-03 12:30", false},
		{[]Hours{fridays}, "2026-11-06 20:00", true},
		{[]Hours{fridays}, "2026-11-07 08:00", true},
		{[]Hours{fridays}, "2026-11-06 08:00", false},
		{[]Hours{fridays}, "2026-11-07 20:00", false},
		{[]Hours{lunch, fridays}, "2026-11-04 12:59", true},
		{[]Hours{{Days: []int{7}, From: 20 * 60, To: 60}}, "2026-11-09 00:30", true}, // from Sunday into Monday
	} {
		at, err := time.Parse("2006-01-02 15:04", c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := At(c.hours, at); got != c.quiet {
			t.Errorf("%v at %s: %t", c.hours, c.at, got)
		}
	}
}

func TestMarshal(t *testing.T) {
	all := []Hours{{From: 1320, To: 420}, {Days: []int{6, 7}, From: 0, To: 1439}}
	for _, hours := range [][]Hours{nil, all[:1], all} {
		again, err := Parse(Marshal(hours))
		if err != nil || !reflect.DeepEqual(again, hours) {
			t.Errorf("%v came back as %v: %v", hours, again, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, hours := range map[string][]Hours{
		"day 0":        {{Days: []int{0}}},
		"day 8":        {{Days: []int{8}}},
		"a day twice":  {{Days: []int{3, 3}}},
		"days in none": {{Days: []int{3, 1}}},
		"from 1,440":   {{From: 1440}},
		"to 1,440":     {{To: 1440}},
		"before 0":     {{From: -1}},
		"too many":     make([]Hours, Most+1),
	} {
		if err := Check(hours); !errors.Is(err, ErrHours) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{" ", "*", "* 1", "* 1 2 3", "x 1 2", "9 1 2", "* a 2", "* 1 1440", ";", "* 1 2;"} {
		if _, err := Parse(text); !errors.Is(err, ErrHours) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("12345 1320 420;* 0 600")
	f.Fuzz(func(t *testing.T, text string) {
		hours, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(Marshal(hours)); err != nil || !reflect.DeepEqual(again, hours) {
			t.Fatalf("%q: %v, then %v (%v)", text, hours, again, err)
		}
	})
}
