package event

// Kind says what an event is. It fixes the form of its content.
type Kind uint64

const (
	KindText     Kind = 1
	KindRecall   Kind = 2
	KindEdit     Kind = 3
	KindReaction Kind = 4

	KindCreate  Kind = 64
	KindInvite  Kind = 65
	KindLeave   Kind = 66
	KindRemove  Kind = 67
	KindRole    Kind = 68
	KindRename  Kind = 69
	KindTopic   Kind = 70
	KindHistory Kind = 71
	KindMerge   Kind = 72
	KindCuts    Kind = 73

	firstControl = KindCreate
	lastKnown    = KindCuts
	lastControl  = Kind(127) // beyond it a header is refused
)

// Class says how an event of a kind is treated.
type Class uint8

const (
	ClassMessage Class = iota + 1 // shown to people
	ClassAct                      // changes how another event is shown
	ClassControl                  // changes who is in a group
	ClassOther                    // unknown here: kept, forwarded, and shown by its fallback text
)

// Class returns the class of k, for any k that a header may have.
func (k Kind) Class() Class {
	switch {
	case k == KindText:
		return ClassMessage
	case k >= KindRecall && k <= KindReaction:
		return ClassAct
	case k >= firstControl:
		return ClassControl
	}
	return ClassOther
}

// SelfProven reports whether events of kind k always carry their own signature and their body, so
// that they can be served alone.
func (k Kind) SelfProven() bool { return k == KindRecall || k >= firstControl }
