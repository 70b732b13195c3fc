package terminal

import "strings"

// Wrap divides a text that has been through Line into rows of at most so many columns, at its spaces.
// What stands in backquotes is not divided, since it is to be typed; neither is a word that is wider
// than a row.
func Wrap(text string, columns int) (rows []string) {
	quoted := false
	words := strings.FieldsFunc(text, func(r rune) bool {
		if r == '`' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, word := range words {
		if last := len(rows) - 1; i > 0 && Width(rows[last])+1+Width(word) <= columns {
			rows[last] += " " + word
		} else {
			rows = append(rows, word)
		}
	}
	return rows
}
