package event

import (
	"fmt"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
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

	minBody       = 18  // a salt and nothing else
	maxAttachment = 128 // bytes; one takes at most 77
)

// Body is the part of an event that can go without breaking the log.
type Body struct {
	Salt        [16]byte // random: a short body can't be guessed from its hash
	Content     []byte   // by kind
	Attachments []Attachment
	Extensions  []Extension // ascending by name
	Fallback    string      // shown by programs that don't know the kind
}

// Attachment is a file that goes with a message.
type Attachment struct {
	Manifest crypto.Hash
	Size     uint64 // bytes
	Key      [32]byte
}

// Extension adds something to a body. Programs that don't know it ignore it.
type Extension struct {
	Name  string
	Value []byte
}

func (b *Body) marshal() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	var w canon.Writer
	w.Bytes(1, b.Salt[:])
	w.Bytes(2, b.Content)
	for i := range b.Attachments {
		a := &b.Attachments[i]
		var e canon.Writer
		e.Bytes(1, a.Manifest[:])
		e.Uint(2, a.Size)
		e.Bytes(3, a.Key[:])
		w.Element(3, e.Out())
	}
	for _, x := range b.Extensions {
		var e canon.Writer
		e.String(1, x.Name)
		e.Bytes(2, x.Value)
		w.Element(4, e.Out())
	}
	w.String(5, b.Fallback)
	if n := len(w.Out()); n > MaxBody {
		return nil, fmt.Errorf("body of %d bytes: %w: at most %d", n, ErrTooLarge, MaxBody)
	}
	return w.Out(), nil
}

func parseBody(b []byte) (Body, error) {
	if len(b) > MaxBody {
		return Body{}, malformed("body of %d bytes", len(b))
	}
	r := canon.NewReader(b)
	body := Body{Salt: [16]byte(r.Fixed(1, 16)), Content: r.Bytes(2, MaxBody)}
	for _, b := range r.Repeated(3, MaxAttachments, maxAttachment) {
		r := canon.NewReader(b)
		body.Attachments = append(body.Attachments, Attachment{
			Manifest: crypto.Hash(r.Fixed(1, 32)),
			Size:     r.Uint(2),
			Key:      [32]byte(r.Fixed(3, 32)),
		})
		if err := r.End(); err != nil {
			return Body{}, malformed("attachment: %w", err)
		}
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
		if b.Attachments[i].Size > MaxInteger {
			return malformed("body: attachment of %d bytes", b.Attachments[i].Size)
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
