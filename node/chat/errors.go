package chat

import "errors"

// Why something that a caller asked for can't be done, and what the caller can do instead.
var (
	// ErrText: the text is not valid UTF-8. Send valid text.
	ErrText = errors.New("text is not valid UTF-8")
	// ErrEmpty: there is no text to send, and nothing is attached.
	ErrEmpty = errors.New("there is no text to send")
	// ErrTooLong: the text is over event.MaxText bytes. Split it.
	ErrTooLong = errors.New("text is over 64 KiB")
	// ErrKeyUsed: this key already sent another text to this conversation. Use a fresh key.
	ErrKeyUsed = errors.New("this key was used for another text, or for a message that was taken back")
	// ErrAcknowledged: the message has reached somebody's disk and can't be taken back.
	ErrAcknowledged = errors.New("the message has already been delivered")
	// ErrUndelivered: the message goes to nobody any more, since the owner is out of the group.
	ErrUndelivered = errors.New("the message will not be delivered: you are not in the group any more")
	// ErrNoMessage: no message has this ID here.
	ErrNoMessage = errors.New("no such message")
	// ErrNotYours: only its author can do that to a message.
	ErrNotYours = errors.New("that is somebody else's message")
	// ErrRecalled: the words of the message were taken back.
	ErrRecalled = errors.New("the message was taken back")
	// ErrTooLate: the message is older than two minutes, so everybody would keep its words.
	ErrTooLate = errors.New("a message can be recalled for two minutes")
	// ErrNoWords: there is no character to look for. Search for a word.
	ErrNoWords = errors.New("there is nothing to look for")
	// ErrTooManyWords: it is over fold.MaxWords bytes, or over fold.MaxPieces words. Leave some out.
	ErrTooManyWords = errors.New("that is too much to look for at once")
	// ErrEmoji: a reaction is a short text without spaces.
	ErrEmoji = errors.New("that is no reaction")
)
