package tree

import "errors"

var (
	// ErrChanged: a file is not what it was when the stream was made of it. It has to be made anew.
	ErrChanged = errors.New("changed since it was read")

	// ErrKind: what is to be sent is no file and no folder.
	ErrKind = errors.New("not a file or folder")

	// ErrTooMany: a folder has more in it than a stream takes. Send parts of it.
	ErrTooMany = errors.New("too many files")

	// ErrArchive: what should be a tar archive of a folder is none, or of one that no one may have: with a
	// file that is used as a folder.
	ErrArchive = errors.New("not a tar archive of a folder")

	// ErrForeign: where something unfinished should be is something that this program did not make.
	// It is left as it is; begin under another ID.
	ErrForeign = errors.New("not made by earshot")

	// ErrIncomplete: some file of a Partial has not the size that it should have. Write again what is
	// missing, or discard it and begin again.
	ErrIncomplete = errors.New("not all there")

	// ErrNames: a name and a thousand alternatives are taken.
	ErrNames = errors.New("no name is free")
)
