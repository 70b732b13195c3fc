package panes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
)

// BenchmarkKey is what a key costs from its event to the bytes for the terminal, with 300 long messages
// loaded.
func BenchmarkKey(b *testing.B) {
	api := office()
	for i := range 300 {
		api.history["#"+lunch.Id] = append(api.history["#"+lunch.Id], said(10+i, bob, fmt.Sprint(i, strings.Repeat(" some words 日本 👍", 20))))
	}
	v := look(b, api, 120, 50)
	v.press("enter")
	last, _ := Draw(v.s)
	for b.Loop() {
		v.do(screen.Key{Code: "a", Text: "a"})
		v.do(screen.Key{Code: "backspace"})
		f, _ := Draw(v.s)
		_ = frame.Draw(last, f, true)
		last = f
	}
}
