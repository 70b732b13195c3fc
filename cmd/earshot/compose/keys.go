package compose

// Key does what a key does, by its name and the text that it types, and reports whether it does anything.
func (e *Editor) Key(name, text string) bool {
	switch name {
	case "left", "ctrl+b":
		e.Left()
	case "right", "ctrl+f":
		e.Right()
	case "home", "ctrl+a":
		e.Home()
	case "end", "ctrl+e":
		e.End()
	case "alt+b", "alt+left", "ctrl+left":
		e.WordLeft()
	case "alt+f", "alt+right", "ctrl+right":
		e.WordRight()
	case "backspace", "shift+backspace":
		e.Backspace()
	case "delete", "ctrl+d":
		e.Delete()
	case "ctrl+k":
		e.KillEnd()
	case "ctrl+u":
		e.KillHome()
	case "ctrl+w", "alt+backspace", "ctrl+backspace":
		e.KillWord()
	case "alt+d", "alt+delete":
		e.KillNextWord()
	case "ctrl+y":
		e.Yank()
	case "ctrl+t":
		e.Transpose()
	case "ctrl+j":
		e.Insert("\n")
	default:
		if text == "" {
			return false
		}
		e.Insert(text)
	}
	return true
}
