package intake

import "errors"

// Why something can't be taken in, and what the owner can do instead.
var (
	// ErrNoFile: there is no such file or folder, or it can't be read. Name another.
	ErrNoFile = errors.New("no such file")
	// ErrTooLarge: it is over the limit of what is taken in.
	ErrTooLarge = errors.New("that is too large")
	// ErrPicture: place and device can't be taken out of the picture. Send it as it is, or as a file.
	ErrPicture = errors.New("the picture may tell place and device")
	// ErrVoice: it is no voice note. Send it as a file.
	ErrVoice = errors.New("that is no voice note")
	// ErrArchive: what was to be a folder is no tar archive of one. Send the archive as a file.
	ErrArchive = errors.New("that is no tar archive of a folder")
	// ErrChanged: the file has changed while it was read.
	ErrChanged = errors.New("the file has changed")
	// ErrNoRoom: the disk has no room for it.
	ErrNoRoom = errors.New("there is no room on the disk")
)
