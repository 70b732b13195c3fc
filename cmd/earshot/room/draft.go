package room

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// words are what is written.
type words struct{ text, replyTo string }

func wordsOf(d *earshotv1.Draft) words { return words{d.GetText(), d.GetReplyTo()} }

// draft is what stands in the composer, and what the node keeps of it.
type draft struct {
	words
	edits string // the message that it replaces, or ""

	node     words  // what the node has, as far as is known
	revision uint64 // of that: a later draft has a higher one, and none has 0
	kept     bool   // of an edit: the node has, or may have, a draft of it

	touched bool // the owner has changed it since it was opened, adopted or sent
	due     int64
	soon    bool // it is to be saved as soon as that is answered which is being saved

	saving int // the request; 0: none
	saved  words

	// other is a draft from elsewhere that can't be adopted now.
	other *earshotv1.Draft
}

// differs reports whether the node has another text.
func (d *draft) differs() bool { return d.words != d.node }

// change says that the owner has changed it.
func (d *draft) change(now int64) {
	d.touched = true
	d.schedule(now + SaveEvery)
}

// schedule has it saved at a time, or earlier.
func (d *draft) schedule(at int64) {
	if !d.differs() {
		d.due = 0
	} else if d.saving == 0 {
		d.due = earliest(d.due, at)
	}
}

// save saves it now, or after what is being saved.
func (d *draft) save(o *out) {
	switch {
	case !d.differs():
		d.due = 0
	case d.saving != 0:
		d.soon = true
	default:
		d.send(o)
	}
}

func (d *draft) send(o *out) {
	d.saving, d.saved, d.due, d.soon, d.kept = o.request(), d.words, 0, false, true
	o.do(SaveDraft{Request: d.saving, Text: d.text, ReplyTo: d.replyTo, Edits: d.edits})
}

// answered ends a saving. What has come from elsewhere meanwhile may be an echo.
func (d *draft) answered(now int64, revision uint64, ok bool) {
	d.saving = 0
	if !ok {
		d.soon = false // until it is changed, or there is a Retry
		return
	}
	d.node, d.revision = d.saved, revision
	if d.other != nil && d.other.Revision <= revision {
		d.other = nil
	}
	at := now + SaveEvery
	if d.soon {
		at, d.soon = now, false
	}
	d.schedule(at)
}

// offer takes a draft from elsewhere, and returns whether that is in the composer now. It is not while
// the node doesn't have what is there, nor while the owner is writing.
func (d *draft) offer(other *earshotv1.Draft, writing bool) bool {
	d.other = nil
	w := wordsOf(other)
	switch {
	case other.GetRevision() != 0 && other.GetRevision() <= d.revision: // a later one is known
		return false
	case w == d.words:
		d.node, d.revision, d.due = w, other.GetRevision(), 0
		return false
	case d.differs(), writing && d.touched:
		d.other = other
		return false
	}
	d.words, d.node, d.revision, d.touched, d.due = w, w, other.GetRevision(), false, 0
	return true
}
