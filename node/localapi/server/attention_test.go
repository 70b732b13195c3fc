package server

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/store/event"
)

// watcher is an Attention and an Owner who note what they are asked.
type watcher struct {
	Owner
	asked []string
	err   error
}

func (w *watcher) ask(format string, args ...any) error {
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
	return w.err
}

func (w *watcher) Attend(_ context.Context, client, who string, focused bool) error {
	return w.ask("attend %s %s %t", client, who, focused)
}

func (w *watcher) SetTyping(_ context.Context, who string, on bool) error {
	return w.ask("typing %s %t", who, on)
}

func (w *watcher) Alerts(_ context.Context, client string, kind attention.Kind, tell func(attention.Alert) error) error {
	return errors.Join(w.ask("alerts %s %d", client, kind),
		tell(attention.Alert{Conversation: event.Conversation{1}, With: contacts.Target{Kind: "person", ID: "b0", Name: "Bob"}, Title: "Bob", Text: "hi \xff", Count: 2, Silent: true}),
		tell(attention.Alert{Strangers: true, Title: "earshot"}),
		tell(attention.Alert{Close: true}))
}

// What is asked of service Attention reaches the room, and what that tells the caller.
func TestAttention(t *testing.T) {
	w := &watcher{}
	client, _ := serve(t, privateDir(t), Rooms{Attention: w, Typing: w})
	ctx := t.Context()
	if _, err := client.Attend(ctx, &earshotv1.AttendRequest{Client: "tui", Who: "Bob", Focused: true}); err != nil {
		t.Error(err)
	}
	if _, err := client.SetTyping(ctx, &earshotv1.SetTypingRequest{Who: "Bob", Typing: true}); err != nil {
		t.Error(err)
	}
	stream, err := client.Alerts(ctx, &earshotv1.AlertsRequest{Client: "tui", Kind: "terminal"})
	if err != nil {
		t.Fatal(err)
	}
	var got []*earshotv1.AlertsResponse
	for stream.Receive() {
		got = append(got, stream.Msg())
	}
	if err := stream.Err(); err != nil || len(got) != 3 {
		t.Fatalf("%d alerts: %v", len(got), err)
	}
	if a := got[0]; a.With.Name != "Bob" || len(a.Conversation) != 64 || a.Title != "Bob" || a.Text != "hi \uFFFD" || a.Count != 2 || !a.Silent || a.Close {
		t.Errorf("%v", a)
	}
	if a := got[1]; a.With.Kind != "strangers" || a.With.Id != "" || a.Conversation != "" {
		t.Errorf("%v", a)
	}
	if a := got[2]; a.With != nil || !a.Close {
		t.Errorf("%v", a)
	}
	if want := []string{"attend tui Bob true", "typing Bob true", "alerts tui 2"}; !reflect.DeepEqual(w.asked, want) {
		t.Errorf("asked %q", w.asked)
	}

	// The desktop is no client of the local API.
	for _, kind := range []string{"", "desktop", "browser"} {
		stream, err := client.Alerts(ctx, &earshotv1.AlertsRequest{Client: "tui", Kind: kind})
		if err == nil {
			for stream.Receive() {
				t.Errorf("%q: %v", kind, stream.Msg())
			}
			err = stream.Err()
		}
		if code(err) != localapi.CodeInvalid {
			t.Errorf("%q: %v", kind, err)
		}
	}
	for err, want := range map[error]string{attention.ErrClient: localapi.CodeInvalid, attention.ErrBusy: localapi.CodeBusy} {
		w.err = err
		if _, err := client.Attend(ctx, &earshotv1.AttendRequest{}); code(err) != want {
			t.Errorf("%q, want %q", code(err), want)
		}
	}
}

func (w *watcher) Me(context.Context) (people.Me, error) {
	return people.Me{Typing: true, Alerts: "name", QuietHours: []quiet.Hours{{Days: []int{1, 7}, From: 60, To: 120}}, QuietUntil: time.Unix(1000, 0),
		Filing: people.Filing{Auto: "off", Dir: "/files", Keep: 1, Max: 2}, RecoveryKept: true, RecoveryLater: time.Unix(2000, 0)}, nil
}

// owner is a watcher as the owner's settings.
type settingOwner struct{ *watcher }

func (o settingOwner) SetTyping(_ context.Context, on bool) error   { return o.ask("typing %t", on) }
func (o settingOwner) SetPresence(_ context.Context, on bool) error { return o.ask("presence %t", on) }
func (o settingOwner) SetAlerts(_ context.Context, how string) error {
	return o.ask("alerts %s", how)
}
func (o settingOwner) SetQuietHours(_ context.Context, hours []quiet.Hours) error {
	return o.ask("hours %v", hours)
}
func (o settingOwner) SetQuietUntil(_ context.Context, until time.Time) error {
	return o.ask("until %d", until.Unix())
}
func (o settingOwner) SetFiling(_ context.Context, to people.FilingChange) error {
	return o.ask("files %s %q %d %v", *to.Auto, *to.Dir, *to.Keep, to.Max)
}

func (o settingOwner) SetRecoveryLater(_ context.Context, later time.Time) error {
	return o.ask("recovery later %d", later.Unix())
}
func (o settingOwner) RecoveryWords() ([]string, error) {
	return []string{"acid", "acorn"}, o.ask("words")
}
func (o settingOwner) ForgetRecovery(ctx context.Context) error { return o.ask("forget") }

// The recovery words are given, and forgotten.
func TestRecovery(t *testing.T) {
	w := &watcher{}
	client, _ := serve(t, privateDir(t), Rooms{Owner: settingOwner{w}})
	words, err := client.RecoveryWords(t.Context(), &earshotv1.RecoveryWordsRequest{})
	if err != nil || !reflect.DeepEqual(words.Words, []string{"acid", "acorn"}) {
		t.Errorf("%v, %v", words, err)
	}
	me, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{RecoveryLater: &timestamppb.Timestamp{Seconds: 8}})
	if err != nil || !me.RecoveryKept || me.RecoveryLater.Seconds != 2000 {
		t.Errorf("%v, %v", me, err)
	}
	if me, err = client.ForgetRecoveryWords(t.Context(), &earshotv1.ForgetRecoveryWordsRequest{}); err != nil || me.Alerts != "name" {
		t.Errorf("%v, %v", me, err)
	}
	if want := []string{"words", "recovery later 8", "forget"}; !reflect.DeepEqual(w.asked, want) {
		t.Errorf("asked %q", w.asked)
	}
	if _, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{RecoveryLater: &timestamppb.Timestamp{Seconds: 1 << 60}}); code(err) != localapi.CodeInvalid {
		t.Errorf("%v", err)
	}
	w.err = people.ErrNoRecovery
	if _, err := client.ForgetRecoveryWords(t.Context(), &earshotv1.ForgetRecoveryWordsRequest{}); code(err) != localapi.CodeNoRecovery {
		t.Errorf("%v", err)
	}
}

// What is given to UpdateMe is set, and nothing else.
func TestUpdateMe(t *testing.T) {
	w := &watcher{}
	client, _ := serve(t, privateDir(t), Rooms{Owner: settingOwner{w}})
	yes, no, how, auto, dir, keep := true, false, "nothing", "on", "", uint64(5)
	me, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{Typing: &no, Presence: &yes, Alerts: &how,
		QuietHours: &earshotv1.QuietHoursList{QuietHours: []*earshotv1.QuietHours{{Days: []uint32{1}, From: 1, To: 2}}}, QuietUntil: &timestamppb.Timestamp{Seconds: 7},
		FilesAuto: &auto, FilesDir: &dir, FilesKeep: &keep})
	if err != nil || !me.Typing || me.Presence || me.Alerts != "name" || len(me.QuietHours) != 1 || me.QuietHours[0].Days[1] != 7 || me.QuietUntil.Seconds != 1000 ||
		me.Files.Auto != "off" || me.Files.Dir != "/files" || me.Files.Keep != 1 || me.Files.Max != 2 {
		t.Errorf("%v, %v", me, err)
	}
	if want := []string{"typing false", "presence true", "alerts nothing", "hours [{[1] 1 2}]", "until 7", `files on "" 5 <nil>`}; !reflect.DeepEqual(w.asked, want) {
		t.Errorf("asked %q", w.asked)
	}
	w.asked = nil
	if _, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{QuietHours: &earshotv1.QuietHoursList{}}); err != nil || !reflect.DeepEqual(w.asked, []string{"hours []"}) {
		t.Errorf("asked %q, %v", w.asked, err)
	}
	if _, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{QuietUntil: &timestamppb.Timestamp{Seconds: 1 << 60}}); code(err) != localapi.CodeInvalid {
		t.Errorf("%v", err)
	}
	w.err = people.ErrSetting
	if _, err := client.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{Alerts: &how}); code(err) != localapi.CodeSetting {
		t.Errorf("%v", err)
	}
}
