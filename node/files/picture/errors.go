package picture

import (
	"errors"
	"fmt"
)

var (
	// ErrNotStripped is what every error of Strip is as well: the picture as it is may contain its
	// place and its device. Ask before it is sent as it is.
	ErrNotStripped = errors.New("place and device can't be taken out")

	// ErrUnknown: these bytes begin like no picture of this package. It may still be one.
	ErrUnknown = errors.New("not a picture that is known")

	// ErrMalformed: the picture breaks its format, or ends too early.
	ErrMalformed = errors.New("malformed picture")

	// ErrTooLarge: above MaxBytes or MaxPixels, or decoding it would take more than MaxDecoded.
	ErrTooLarge = errors.New("picture too large")

	// ErrUnsupported: the picture is of a kind for which this can't be done: nothing is taken out of
	// HEIC and AVIF, and these and animated WebP have no preview.
	ErrUnsupported = errors.New("not done for this kind of picture")
)

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }
