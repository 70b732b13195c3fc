package files

import (
	"errors"

	"github.com/earshot-im/earshot/node/files/intake"
)

// Why something that the owner asked for can't be done, and what they can do instead.
var (
	ErrNoFile   = intake.ErrNoFile   // or attachment
	ErrTooLarge = intake.ErrTooLarge // or over that of what the owner accepts
	ErrPicture  = intake.ErrPicture
	ErrVoice    = intake.ErrVoice
	ErrArchive  = intake.ErrArchive
	ErrChanged  = intake.ErrChanged // or since it was sent
	ErrNoRoom   = intake.ErrNoRoom  // also of what is to be saved

	// ErrNoFolder: it can't be saved there.
	ErrNoFolder = errors.New("that is no folder, or can't be written to")
	// ErrGone: nobody who is here has it. It is fetched when somebody does.
	ErrGone = errors.New("nobody who is here has it")
	// ErrNotHeld: it is not here yet. Accept it, and wait.
	ErrNotHeld = errors.New("it is not here yet")
	// ErrNoMessage: no message has this ID here.
	ErrNoMessage = errors.New("no such message")
	// ErrNotYours: it is of a message of the owner's own.
	ErrNotYours = errors.New("that is your own")
)
