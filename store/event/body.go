package event

import (
	"fmt"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/blob"
)

const (
	// MaxBody bounds a body in bytes: the longest text, with room for everything else that a body
	// may have.
	MaxBody = 80 << 10
	// MaxText bounds a text in bytes; what is longer is a file.
	MaxText = 64 << 10
	// MaxFallback bounds a fallback text in bytes: a line or two.
	MaxFallback = 1 << 10
	// MaxAttachments and MaxExtensions bound the parts of a body, so that showing a message stays
	// cheap.
	MaxAttachments = 32
	MaxExtensions  = 16
	// MaxExtensionName bounds the name of an extension in bytes.
	MaxExtensionName = 64

	// MaxFileName and MaxFileType bound what an attachment is called and said to be, in bytes.
	MaxFileName = 255
	MaxFileType = 127
	// MaxPreview bounds the small picture that stands for an attachment, in bytes.
	MaxPreview = 8 << 10
	// MaxPixels bounds the width and the height of a picture.
	MaxPixels = 1<<16 - 1
	// MaxDuration bounds a voice note in ms.
	MaxDuration = 15 * 60 * 1000
	// MaxWave bounds the shape of a voice note in bytes.
	MaxWave = 128

	minBody       = 18               // a salt and nothing else
	maxAttachment = MaxPreview + 768 // bytes; what stands beside the preview takes at most 630
)

// Flags of an attachment. It has at most one.
const (
	AttachedFolder = 1 << iota
	AttachedVoice
	AttachedPicture
)

// Body is the part of an event that can go without breaking the log.
type Body struct {
	Salt        [16]byte // random: a short body can't be guessed from its hash
	Content     []byte   // by kind
	Attachments []Attachment
	Extensions  []Extension // ascending by name
	Fallback    string      // shown by programs that don't know the kind
}

// Attachment is a file or a folder that goes with a message. What it says beside the hash is a claim of
// the sender's.
type Attachment struct {
	Manifest crypto.Hash
	Size     uint64 // of the stream, in bytes
	Key      [32]byte
	Name     string
	Type     string // media type; empty: not known
	Flags    uint64
	Preview  []byte // a small JPEG; nil: none
	Width    uint64 // pixels
	Height   uint64
	Duration uint64 // ms
	Wave     []byte
}

func (a *Attachment) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, a.Manifest[:])
	w.Uint(2, a.Size)
	w.Bytes(3, a.Key[:])
	w.String(4, a.Name)
	w.String(5, a.Type)
	w.Uint(6, a.Flags)
	w.Bytes(7, a.Preview)
	w.Uint(8, a.Width)
	w.Uint(9, a.Height)
	w.Uint(10, a.Duration)
	w.Bytes(11, a.Wave)
	return w.Out()
}

func parseAttachment(b []byte) (Attachment, error) {
	r := canon.NewReader(b)
	a := Attachment{
		Manifest: crypto.Hash(r.Fixed(1, 32)),
		Size:     r.Uint(2),
		Key:      [32]byte(r.Fixed(3, 32)),
		Name:     r.String(4, MaxFileName),
		Type:     r.String(5, MaxFileType),
		Flags:    r.Uint(6),
		Preview:  r.Bytes(7, MaxPreview),
		Width:    r.Uint(8),
		Height:   r.Uint(9),
		Duration: r.Uint(10),
		Wave:     r.Bytes(11, MaxWave),
	}
	return a, r.End()
}

func (a *Attachment) check() error {
	switch {
	case a.Size > blob.MaxSize:
		return malformed("attachment of %d bytes", a.Size)
	case a.Name == "" || len(a.Name) > MaxFileName || !utf8.ValidString(a.Name):
		return malformed("attachment: name")
	case len(a.Type) > MaxFileType || !utf8.ValidString(a.Type):
		return malformed("attachment: type")
	case a.Flags&(a.Flags-1) != 0 || a.Flags > AttachedPicture:
		return malformed("attachment: flags %d", a.Flags)
	case len(a.Preview) > MaxPreview:
		return malformed("attachment: preview of %d bytes", len(a.Preview))
	case a.Width > MaxPixels || a.Height > MaxPixels:
		return malformed("attachment: %d by %d pixels", a.Width, a.Height)
	case a.Duration > MaxDuration || len(a.Wave) > MaxWave:
		return malformed("attachment: voice note of %d ms", a.Duration)
	}
	return nil
}

// Extension adds something to a body. Programs that don't know it ignore it.
type Extension struct {
	Name  string
	Value []byte
}

// CountAttachments returns how many attachments a body has that was parsed before, without parsing it again.
func CountAttachments(body []byte) int {
	r := canon.NewReader(body)
	r.Bytes(1, 16)
	r.Bytes(2, MaxBody)
	return len(r.Repeated(3, MaxAttachments, maxAttachment))
}

// Fit takes previews away, the largest first, as long as the body is larger than MaxBody.
func (b *Body) Fit() {
	for len(b.bytes()) > MaxBody {
		largest := &Attachment{}
		for i := range b.Attachments {
			if a := &b.Attachments[i]; len(a.Preview) > len(largest.Preview) {
				largest = a
			}
		}
		if len(largest.Preview) == 0 {
			return
		}
		largest.Preview = nil
	}
}

func (b *Body) marshal() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	out := b.bytes()
	if n := len(out); n > MaxBody {
		return nil, fmt.Errorf("body of %d bytes: %w: at most %d", n, ErrTooLarge, MaxBody)
	}
	return out, nil
}

func (b *Body) bytes() []byte {
	var w canon.Writer
	w.Bytes(1, b.Salt[:])
	w.Bytes(2, b.Content)
	for i := range b.Attachments {
		w.Element(3, b.Attachments[i].marshal())
	}
	for _, x := range b.Extensions {
		var e canon.Writer
		e.String(1, x.Name)
		e.Bytes(2, x.Value)
		w.Element(4, e.Out())
	}
	w.String(5, b.Fallback)
	return w.Out()
}

func parseBody(b []byte) (Body, error) {
	if len(b) > MaxBody {
		return Body{}, malformed("body of %d bytes", len(b))
	}
	r := canon.NewReader(b)
	body := Body{Salt: [16]byte(r.Fixed(1, 16)), Content: r.Bytes(2, MaxBody)}
	for _, b := range r.Repeated(3, MaxAttachments, maxAttachment) {
		a, err := parseAttachment(b)
		if err != nil {
			return Body{}, malformed("attachment: %w", err)
		}
		body.Attachments = append(body.Attachments, a)
	}
	for _, b := range r.Repeated(4, MaxExtensions, MaxBody) {
		r := canon.NewReader(b)
		body.Extensions = append(body.Extensions, Extension{
			Name:  r.String(1, MaxExtensionName),
			Value: r.Bytes(2, MaxBody),
		})
		if err := r.End(); err != nil {
			return Body{}, malformed("extension: %w", err)
		}
	}
	body.Fallback = r.String(5, MaxFallback)
	if err := r.End(); err != nil {
		return Body{}, malformed("body: %w", err)
	}
	if err := body.check(); err != nil {
		return Body{}, err
	}
	return body, nil
}

// check refuses a body, wherever it came from, whose parts exceed their limits. The limit of the
// whole is checked on its bytes.
func (b *Body) check() error {
	switch {
	case len(b.Attachments) > MaxAttachments:
		return malformed("body: %d attachments", len(b.Attachments))
	case len(b.Extensions) > MaxExtensions:
		return malformed("body: %d extensions", len(b.Extensions))
	case len(b.Fallback) > MaxFallback || !utf8.ValidString(b.Fallback):
		return malformed("body: fallback text")
	}
	for i := range b.Attachments {
		if err := b.Attachments[i].check(); err != nil {
			return err
		}
	}
	for i, x := range b.Extensions {
		switch {
		case x.Name == "" || len(x.Name) > MaxExtensionName || !utf8.ValidString(x.Name):
			return malformed("body: name of an extension")
		case i > 0 && b.Extensions[i-1].Name >= x.Name:
			return malformed("body: extensions out of order")
		}
	}
	return nil
}
