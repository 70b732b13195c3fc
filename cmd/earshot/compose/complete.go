package compose

import (
	"slices"
	"strings"
	"unicode"
)

// Choice is one of the things that Tab may put in.
type Choice struct {
	Text  string // what is put in
	About string // what is said of it
}

// Names is what can be completed at a moment.
type Names struct {
	Commands []Choice // of slash commands, with the slash
	People   []Choice // who may be mentioned, without the @
	Who      []Choice // who and which groups a command may be about
}

// Complete returns where the word begins that stands before the cursor, and by what it may be replaced.
func Complete(text string, at int, n Names) (from int, choices []Choice) {
	before := text[:at]
	if strings.HasPrefix(before, "/") && !strings.HasPrefix(before, "//") {
		return command(before, n)
	}
	from = strings.LastIndexFunc(before, unicode.IsSpace) + 1
	word := before[from:]
	switch {
	case strings.HasPrefix(word, "@"):
		return from, matching(n.People, word[1:], "@", " ")
	case strings.HasPrefix(word, ":") && len(word) > 1:
		for _, e := range emojis {
			if strings.HasPrefix(e.name, strings.ToLower(word[1:])) {
				choices = append(choices, Choice{e.sign, ":" + e.name + ":"})
			}
		}
		return from, choices
	}
	return at, nil
}

// command completes the words of a slash command: the longest one that is the beginning of the text, or
// else what it is about.
func command(before string, n Names) (int, []Choice) {
	if all := matching(n.Commands, before, "", " "); len(all) > 0 {
		return 0, all
	}
	from := strings.LastIndexFunc(before, unicode.IsSpace) + 1
	return from, matching(n.Who, before[from:], "", " ")
}

func matching(all []Choice, begun, sign, after string) (some []Choice) {
	for _, c := range all {
		bare := strings.TrimLeft(strings.ToLower(c.Text), `#"'`)
		if strings.HasPrefix(strings.ToLower(c.Text), strings.ToLower(begun)) || begun != "" && strings.HasPrefix(bare, strings.ToLower(begun)) {
			some = append(some, Choice{sign + c.Text + after, c.About})
		}
	}
	return some
}

// Sign returns the sign with a name, as "thumbsup" or ":thumbsup:"; there is false if there is none.
func Sign(name string) (sign string, there bool) {
	name = strings.Trim(strings.ToLower(name), ":")
	i := slices.IndexFunc(emojis, func(e emoji) bool { return e.name == name })
	if i < 0 {
		return "", false
	}
	return emojis[i].sign, true
}

type emoji struct{ name, sign string }

// emojis is what may be written by name. The first ones are offered for reactions.
var emojis = []emoji{
	{"thumbsup", "👍"}, {"heart", "❤️"}, {"laughing", "😂"}, {"tada", "🎉"}, {"open_mouth", "😮"}, {"cry", "😢"}, {"thanks", "🙏"}, {"eyes", "👀"}, {"check", "✅"},
	{"+1", "👍"}, {"-1", "👎"}, {"angry", "😠"}, {"apple", "🍎"}, {"beer", "🍺"}, {"bell", "🔔"}, {"birthday", "🎂"}, {"blue_heart", "💙"}, {"blush", "😊"}, {"boom", "💥"},
	{"bug", "🐛"}, {"bulb", "💡"}, {"cake", "🍰"}, {"calendar", "📅"}, {"cat", "🐱"}, {"clap", "👏"}, {"coffee", "☕"}, {"computer", "💻"}, {"confused", "😕"},
	{"construction", "🚧"}, {"cool", "😎"}, {"cross", "❌"}, {"crossed_fingers", "🤞"}, {"disappointed", "😞"}, {"dog", "🐶"}, {"email", "📧"}, {"exclamation", "❗"},
	{"facepalm", "🤦"}, {"fear", "😨"}, {"fire", "🔥"}, {"flag", "🚩"}, {"flushed", "😳"}, {"gift", "🎁"}, {"green_heart", "💚"}, {"grin", "😁"}, {"handshake", "🤝"},
	{"hug", "🤗"}, {"hourglass", "⏳"}, {"house", "🏠"}, {"joy", "😂"}, {"key", "🔑"}, {"kiss", "😘"}, {"link", "🔗"}, {"lock", "🔒"}, {"mag", "🔍"}, {"memo", "📝"},
	{"moon", "🌙"}, {"mouse", "🐭"}, {"muscle", "💪"}, {"music", "🎵"}, {"neutral", "😐"}, {"ok", "👌"}, {"package", "📦"}, {"paperclip", "📎"}, {"party", "🥳"},
	{"pencil", "✏️"}, {"phone", "📞"}, {"pizza", "🍕"}, {"point_down", "👇"}, {"point_left", "👈"}, {"point_right", "👉"}, {"point_up", "☝️"}, {"printer", "🖨️"},
	{"question", "❓"}, {"rainbow", "🌈"}, {"raised_hand", "✋"}, {"relieved", "😌"}, {"rocket", "🚀"}, {"rose", "🌹"}, {"salute", "🫡"}, {"scream", "😱"}, {"shrug", "🤷"},
	{"sleepy", "😴"}, {"slight_smile", "🙂"}, {"smile", "😄"}, {"smirk", "😏"}, {"snow", "❄️"}, {"sob", "😭"}, {"sparkles", "✨"}, {"star", "⭐"}, {"sun", "☀️"},
	{"sunglasses", "😎"}, {"sweat", "😅"}, {"tea", "🍵"}, {"thinking", "🤔"}, {"thumbsdown", "👎"}, {"tongue", "😛"}, {"tree", "🌳"}, {"truck", "🚚"}, {"umbrella", "☔"},
	{"unlock", "🔓"}, {"upside_down", "🙃"}, {"v", "✌️"}, {"warning", "⚠️"}, {"wave", "👋"}, {"wine", "🍷"}, {"wink", "😉"}, {"worried", "😟"}, {"wrench", "🔧"},
	{"yellow_heart", "💛"}, {"zap", "⚡"}, {"zzz", "💤"},
}

// Reactions are the signs that are offered first, up to nine.
func Reactions() (signs []Choice) {
	for _, e := range emojis[:9] {
		signs = append(signs, Choice{e.sign, e.name})
	}
	return signs
}
