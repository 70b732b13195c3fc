package tui

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// raw is what is written to the terminal as it is.
type raw struct {
	screen.Then
	text string
}

// alert has the terminal show notifications, where the node finds no better way, as long as ctx lasts.
func (t *runner) alert(ctx context.Context) {
	s, err := t.cfg.Client.Alerts(ctx, &earshotv1.AlertsRequest{Client: t.state.Client, Kind: "terminal"})
	if err != nil {
		return // an older node, or one that has streams enough
	}
	defer s.Close()
	for w := wayOf(t.cfg.Env); s.Receive(); {
		if text := notification(w, s.Msg()); text != "" {
			t.tell(ctx, raw{text: text})
		}
	}
}

// way is how a terminal is told to notify.
type way int

const (
	bell way = iota
	osc9
	osc777
	osc99
)

// wayOf finds out by the environment. A multiplexer passes nothing on but the bell.
func wayOf(env []string) way {
	get := func(name string) string {
		for _, e := range env {
			if v, is := strings.CutPrefix(e, name+"="); is {
				return v
			}
		}
		return ""
	}
	kind, program := get("TERM"), get("TERM_PROGRAM")
	switch {
	case get("TMUX") != "" || strings.HasPrefix(kind, "screen") || strings.HasPrefix(kind, "tmux"):
		return bell
	case strings.Contains(kind, "kitty"):
		return osc99
	case strings.HasPrefix(kind, "rxvt-unicode") || strings.HasPrefix(kind, "foot"):
		return osc777
	case program == "iTerm.app" || program == "WezTerm" || program == "ghostty" || strings.Contains(kind, "ghostty"):
		return osc9
	}
	return bell
}

// notification is what to write for an alert. Nothing in it can end the sequence early: what acts is shown,
// and where fields are separated by ; that is another character.
func notification(w way, a *earshotv1.AlertsResponse) string {
	title, text := plain(a.Title), plain(a.Text)
	id := fmt.Sprintf("earshot-%.16s", a.Conversation)
	switch {
	case a.Close && w == osc99:
		return "\x1b]99;i=" + id + ":p=close;\x1b\\"
	case a.Close:
		return ""
	case w == osc99:
		code := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		out := "\x1b]99;i=" + id + ":d=0:e=1;" + code(title) + "\x1b\\"
		return out + "\x1b]99;i=" + id + ":p=body:e=1;" + code(text) + "\x1b\\"
	case w == osc777:
		return "\x1b]777;notify;" + title + ";" + text + "\x1b\\"
	case w == osc9:
		return "\x1b]9;" + strings.TrimSuffix(title+": "+text, ": ") + "\x1b\\"
	}
	return "\a"
}

const alertLength = 200

func plain(s string) string {
	return terminal.Cut(strings.ReplaceAll(terminal.Line(strings.Join(strings.Fields(s), " ")), ";", ","), alertLength)
}
