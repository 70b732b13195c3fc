package event

// Kind says what an event is. It fixes the form of its content.
type Kind uint64

const (
	KindText   Kind = 1
	KindRecall Kind = 2

	firstControl Kind = 64
	lastControl  Kind = 127 // beyond it a header is refused
)

// Class says how an event of a kind is treated.
type Class uint8

const (
	Message Class = iota + 1 // shown to people
	Act                      // changes how another event is shown
	Control                  // changes who is in a group; waits strictly for its causes
	Other                    // unknown here: kept, forwarded and shown by its fallback text, if any
)

// Class returns the class of k, for any k that a header may have.
func (k Kind) Class() Class {
	switch {
	case k == KindText:
		return Message
	case k == KindRecall:
		return Act
	case k >= firstControl:
		return Control
	}
	return Other
}

// SelfProven reports whether events of kind k always carry their own signature
// and their body, so that they can be served alone.
func (k Kind) SelfProven() bool { return k == KindRecall || k >= firstControl }
