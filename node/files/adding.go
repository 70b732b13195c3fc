package files

import (
	"context"

	"github.com/earshot-im/earshot/node/files/intake"
	"github.com/earshot-im/earshot/store/event"
)

// Add takes in a file or folder of the owner's, and tells how far it has come as often as it likes. It
// stops when tell fails. Errors: ErrNoFile, ErrTooLarge, ErrPicture, ErrVoice, ErrArchive, ErrChanged
// and ErrNoRoom.
func (r *Room) Add(ctx context.Context, in Adding, tell func(read, size uint64) error) (Added, error) {
	one, err := r.intake.Add(ctx, in, tell)
	if err != nil {
		return Added{}, err
	}
	out := Added{File: one.File, Attachment: shown(1, &one.Attachment), Skipped: one.Skipped, Others: one.Others}
	out.Attachment.State = StateInPlace
	if one.Kept {
		out.Attachment.State = StateKept
	}
	out.Attachment.Had = one.Attachment.Size
	return out, nil
}

// Sendable returns what was taken in by these names. The error is ErrNoFile.
func (r *Room) Sendable(_ context.Context, names []string) ([]event.Attachment, error) {
	return r.intake.Sendable(names)
}

// Adding is what is to be taken in.
type Adding = intake.Adding
