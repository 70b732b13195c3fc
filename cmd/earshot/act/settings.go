package act

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// updating makes a command that sets something of the owner's.
func updating(set func(r *earshotv1.UpdateMeRequest, value string)) func(*screen.State, string) []screen.Act {
	return func(s *screen.State, value string) []screen.Act {
		r := &earshotv1.UpdateMeRequest{}
		set(r, screen.Unquote(value))
		return update(s, r)
	}
}

func update(s *screen.State, r *earshotv1.UpdateMeRequest) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.MeResponse, error) { return api.UpdateMe(ctx, r) },
		func(s *screen.State, me *earshotv1.MeResponse) []screen.Act {
			s.Me = me
			s.Say(words.Done)
			if s.Panel != nil && s.Panel.Kind == "settings" {
				return settings(s)
			}
			return nil
		})
}

// named reports whether the owner has a name.
func named(s *screen.State) bool { return label.Own(s.Me.GetName(), "") != "" }

// askName asks how the owner is called, as they have no name yet, and then who may write to them.
func askName(s *screen.State) []screen.Act {
	s.Ask(words.AskName, "", func(s *screen.State, name string) []screen.Act {
		if name == "" {
			return askAccept(s)
		}
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.MeResponse, error) {
			return api.UpdateMe(ctx, &earshotv1.UpdateMeRequest{Name: &name})
		}, func(s *screen.State, me *earshotv1.MeResponse) []screen.Act {
			s.Me = me
			return askAccept(s)
		})
	})
	return nil
}

func askAccept(s *screen.State) []screen.Act {
	p := &screen.Panel{Kind: "accept", Title: words.AskAccept}
	for _, v := range [][2]string{{"everyone", words.Everyone}, {"contacts", words.Contacts}} {
		p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Plain, v[1]), ID: v[0]})
	}
	if s.Me.GetAccept() == "contacts" {
		p.At = 1
	}
	p.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyChoose, Do: func(s *screen.State, it *screen.Item) []screen.Act {
		s.Back()
		return update(s, &earshotv1.UpdateMeRequest{Accept: &it.ID})
	}}}
	s.Show(p)
	return nil
}

// recoveryPause is for how long the owner can put off writing the recovery words down.
const recoveryPause = 7 * 24 * time.Hour

// recovery says how the recovery words are written down. The screen itself never has them.
func recovery(s *screen.State) []screen.Act {
	if s.Me == nil {
		return nil
	}
	p := &screen.Panel{Kind: "recovery", Title: words.Recovery, Text: []string{words.RecoveryDone}}
	if s.Me.RecoveryKept {
		p.Text = words.RecoveryHow
		p.Keys = []screen.PanelKey{{Key: "l", What: words.KeyLater, Always: true, Do: func(s *screen.State, _ *screen.Item) []screen.Act {
			s.Back()
			return update(s, &earshotv1.UpdateMeRequest{RecoveryLater: timestamppb.New(time.UnixMilli(s.Now()).Add(recoveryPause))})
		}}}
	}
	s.Show(p)
	return nil
}

// settings shows what the owner can set.
func settings(s *screen.State) []screen.Act {
	if s.Me == nil {
		return nil
	}
	p := &screen.Panel{Kind: "settings", Title: words.Settings}
	row := func(what, value string, do func(s *screen.State) []screen.Act) {
		p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Plain, what), Right: frame.Text(frame.Bold, value), Value: do})
	}
	flag := func(what string, on bool, set func(*earshotv1.UpdateMeRequest, *bool)) {
		value := words.OffSetting
		if on {
			value = words.On
		}
		row(what, value, func(s *screen.State) []screen.Act {
			r, now := &earshotv1.UpdateMeRequest{}, !on
			set(r, &now)
			return update(s, r)
		})
	}
	me := s.Me
	row("Your name", label.Own(me.Name, words.None), func(s *screen.State) []screen.Act {
		s.Ask(words.AskName, label.Own(me.Name, ""), func(s *screen.State, name string) []screen.Act {
			return update(s, &earshotv1.UpdateMeRequest{Name: &name})
		})
		return nil
	})
	row(words.Accept, me.Accept, func(s *screen.State) []screen.Act {
		next := "contacts"
		if me.Accept == next {
			next = "everyone"
		}
		return update(s, &earshotv1.UpdateMeRequest{Accept: &next})
	})
	flag("Others learn that you have read", me.ReadReceipts, func(r *earshotv1.UpdateMeRequest, on *bool) { r.ReadReceipts = on })
	flag("Others see that you write, and you that they do", me.Typing, func(r *earshotv1.UpdateMeRequest, on *bool) { r.Typing = on })
	flag("Contacts see that you are away, and you that they are", me.Presence, func(r *earshotv1.UpdateMeRequest, on *bool) { r.Presence = on })
	row("Notifications show", me.Alerts, func(s *screen.State) []screen.Act {
		next := map[string]string{"full": "name", "name": "nothing", "nothing": "full"}[me.Alerts]
		if next == "" {
			next = "full"
		}
		return update(s, &earshotv1.UpdateMeRequest{Alerts: &next})
	})
	row("Quiet hours", quietText(me.QuietHours), func(s *screen.State) []screen.Act {
		begun := quietText(me.QuietHours)
		if begun == words.None {
			begun = ""
		}
		s.Ask(words.AskQuiet, begun, func(s *screen.State, text string) []screen.Act { return setQuiet(s, text) })
		return nil
	})
	p.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyChange, Do: func(s *screen.State, it *screen.Item) []screen.Act {
		return it.Value.(func(*screen.State) []screen.Act)(s)
	}}}
	s.Show(p)
	return nil
}

// setQuiet sets the quiet hours to what was typed: "18:00-8:00, 12:00-13:00", or nothing.
func setQuiet(s *screen.State, text string) []screen.Act {
	list := &earshotv1.QuietHoursList{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" || part == words.None {
			continue
		}
		q, ok := quiet(part)
		if !ok {
			s.Bad(words.AskQuiet)
			return nil
		}
		list.QuietHours = append(list.QuietHours, q)
	}
	return update(s, &earshotv1.UpdateMeRequest{QuietHours: list})
}

func quiet(text string) (*earshotv1.QuietHours, bool) {
	days, hours, named := strings.Cut(text, " ")
	q := &earshotv1.QuietHours{}
	if !named {
		days, hours = "", text
	}
	from, to, found := strings.Cut(hours, "-")
	f, err := time.Parse("15:04", strings.TrimSpace(from))
	t, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if !found || err != nil || err2 != nil {
		return nil, false
	}
	q.From, q.To = uint32(f.Hour()*60+f.Minute()), uint32(t.Hour()*60+t.Minute())
	if days != "" {
		first, last, several := strings.Cut(days, "-")
		a, b := dayOf(first), dayOf(last)
		if !several {
			b = a
		}
		if a == 0 || b < a {
			return nil, false
		}
		for d := a; d <= b; d++ {
			q.Days = append(q.Days, d)
		}
	}
	return q, true
}

var dayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// dayOf is the number of a day of the week, 0 if it is none.
func dayOf(name string) uint32 {
	for i, d := range dayNames {
		if strings.EqualFold(d, name) {
			return uint32(i + 1)
		}
	}
	return 0
}

// quietText is quiet hours as they are typed.
func quietText(all []*earshotv1.QuietHours) string {
	var parts []string
	for _, q := range all {
		text := fmt.Sprintf("%d:%02d-%d:%02d", q.From/60, q.From%60, q.To/60, q.To%60)
		if n := len(q.Days); n > 0 && n < 7 {
			first, last := dayNames[(q.Days[0]-1)%7], dayNames[(q.Days[n-1]-1)%7]
			if first == last {
				text = first + " " + text
			} else {
				text = first + "-" + last + " " + text
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return words.None
	}
	return strings.Join(parts, ", ")
}
