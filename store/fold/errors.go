package fold

import "errors"

var (
	// ErrEmpty: there is nothing to look for in the words: they are only spaces, characters that
	// can't be seen, and quotation marks. Ask for a word.
	ErrEmpty = errors.New("nothing to look for")

	// ErrTooLong: there are more than MaxWords bytes of words, or more than MaxPieces pieces. Ask
	// for fewer words.
	ErrTooLong = errors.New("too much to look for at once")
)
