package phrase

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// maxEmojis and maxNames bound the line of reactions, which may be hundreds.
	maxEmojis = 8
	maxNames  = 3
)

// Reactions says who reacted with what; the sign that most have chosen comes first.
func Reactions(all []*earshotv1.Reaction) string {
	by := make(map[string][]string)
	for _, r := range all {
		who := "me"
		if !r.Own {
			who = label.Who(r.From)
		}
		by[r.Emoji] = append(by[r.Emoji], who)
	}
	emojis := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(len(by[b])-len(by[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, emoji := range emojis[:min(maxEmojis, len(emojis))] {
		parts = append(parts, sign(emoji)+" "+label.Some(maxNames, by[emoji], 0))
	}
	if more := len(emojis) - maxEmojis; more > 0 {
		parts = append(parts, fmt.Sprintf("%d others", more))
	}
	return strings.Join(parts, "; ")
}

// Signs says with what people reacted, and how many with each.
func Signs(all []*earshotv1.Reaction) string {
	count := make(map[string]int)
	for _, r := range all {
		count[r.Emoji]++
	}
	emojis := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	var parts []string
	for _, emoji := range emojis[:min(maxEmojis, len(emojis))] {
		parts = append(parts, fmt.Sprintf("%s %d", sign(emoji), count[emoji]))
	}
	if more := len(emojis) - maxEmojis; more > 0 {
		parts = append(parts, fmt.Sprintf("%d others", more))
	}
	return strings.Join(parts, "  ")
}

// sign is what somebody reacted with. Anything but an emoji stands in quotation marks: it may be any
// text, such as "👍 Bob; 🎉".
func sign(emoji string) string {
	if emoji == "" || strings.ContainsFunc(emoji, func(r rune) bool {
		return r < utf8.RuneSelf || unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.Z)
	}) {
		return label.Claim(emoji)
	}
	return terminal.Line(emoji)
}
