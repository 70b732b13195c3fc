package up

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/earshot-im/earshot/cmd/earshot/desktop"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/store/event"
)

// When the desktop shows notifications.
const (
	NotifyAuto = "auto" // where there is one
	NotifyOn   = "on"   // the same, and it is said if there is none
	NotifyOff  = "off"
)

// showsAlerts says whether the desktop is to show notifications.
func (o *Options) showsAlerts() (bool, error) {
	switch o.Notify {
	case NotifyAuto, "":
		return o.atDesktop(), nil
	case NotifyOff:
		return false, nil
	case NotifyOn:
		if !desktop.Available() && !o.Out.JSON {
			fmt.Fprintln(o.Stderr, "earshot: there is no desktop session here, so nothing shows notifications")
		}
		return desktop.Available(), nil
	}
	return false, problem.Usage("earshot up", fmt.Sprintf("--notify is %s, %s or %s, not %q", NotifyAuto, NotifyOn, NotifyOff, o.Notify))
}

// atDesktop says whether the node runs in a desktop session, where somebody sits before it.
func (o *Options) atDesktop() bool { return !o.Headless && desktop.Available() }

// folder is where files are saved unless the owner has set another folder: with the user's downloads, if this
// is the node of the user's desktop. "" leaves it to the node.
func (o *Options) folder(ctx context.Context) string {
	if !o.Usual || !o.atDesktop() {
		return ""
	}
	downloads := desktop.Downloads(ctx, o.Home)
	if downloads == "" {
		return ""
	}
	return filepath.Join(downloads, "earshot")
}

// Notifications joins a node and the desktop: what the one wants shown, and what the other is asked for.
// open opens a screen of earshot; nil: nothing can.
func Notifications(n *node.Node, open func() error, log *slog.Logger) desktop.Config {
	const name = "desktop"
	a := n.Attention()
	return desktop.Config{
		Alerts: func(ctx context.Context, tell func(desktop.Alert) error) error {
			return a.Alerts(ctx, name, attention.Desktop, func(v attention.Alert) error { return tell(alertOf(&v)) })
		},
		Dismissed: func(of desktop.About) {
			a.Dismissed(name, attention.Alert{Conversation: conversation(of), Strangers: of.Strangers})
		},
		Read: func(ctx context.Context, of desktop.About) error {
			return a.Read(ctx, conversation(of))
		},
		Reply: func(ctx context.Context, of desktop.About, text string) error {
			return a.Answer(ctx, conversation(of), of.Who, text)
		},
		Open: open,
		Log:  log,
	}
}

// screen opens a screen of earshot; nil: nothing can.
func (o *Options) screen() func() error {
	if o.Program == "" {
		return nil
	}
	return desktop.Terminal(o.Program, "--dir="+o.Dir, "tui")
}

func alertOf(v *attention.Alert) desktop.Alert {
	d := desktop.Alert{Close: v.Close, Title: v.Title, Text: v.Text, Count: v.Count, Silent: v.Silent}
	d.Strangers = v.Strangers
	if v.Conversation == (event.Conversation{}) {
		return d
	}
	d.Conversation, d.Who = v.Conversation.String(), v.With.ID
	if v.With.Kind == "group" {
		d.Who = "#" + v.With.ID
	}
	return d
}

// conversation returns the conversation that a notification is about; the zero one: none.
func conversation(of desktop.About) event.Conversation {
	id, err := crypto.ParsePersonID(of.Conversation) // which looks the same
	if err != nil {
		return event.Conversation{}
	}
	return event.Conversation(id)
}
