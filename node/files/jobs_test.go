package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// What an own attachment is follows from where it is.
func TestPresence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 5), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	at := file.ModTime().UnixMilli()
	all := blob.Set{}
	all.Add(0, 1)
	sealed := shelf.Info{Of: shelf.Of{Size: 5, Kind: blob.File}, Proven: true, Chunks: all}
	unproven, none := sealed, sealed
	unproven.Proven, none.Chunks = false, blob.Set{}
	folder := none
	folder.Kind = blob.Folder
	in := func(i shelf.Info, places ...shelf.Place) shelf.Info {
		i.Places = places
		return i
	}
	for name, c := range map[string]struct {
		info  shelf.Info
		saved bool
		own   store.FileState
	}{
		"sealed":               {sealed, false, store.FileKept},
		"sealed, not proven":   {unproven, false, store.FileGone},
		"nowhere":              {none, false, store.FileGone},
		"in place":             {in(none, shelf.Place{Path: path, Size: 5, Modified: at, Original: true, Whole: true}), true, store.FileInPlace},
		"saved":                {in(none, shelf.Place{Path: path, Size: 5, Modified: at, Whole: true}), true, store.FileInPlace},
		"of another size":      {in(none, shelf.Place{Path: path, Size: 6, Modified: at, Whole: true}), false, store.FileGone},
		"of another time":      {in(none, shelf.Place{Path: path, Size: 5, Modified: at + 1, Original: true, Whole: true}), false, store.FileChanged},
		"deleted":              {in(none, shelf.Place{Path: path + "?", Size: 5, Modified: at, Original: true, Whole: true}), false, store.FileChanged},
		"to be saved":          {in(none, shelf.Place{Path: filepath.Dir(path)}), false, store.FileGone},
		"a file for a folder":  {in(folder, shelf.Place{Path: path, Whole: true}), false, store.FileGone},
		"a folder":             {in(folder, shelf.Place{Path: filepath.Dir(path), Whole: true}), true, store.FileInPlace},
		"deleted, saved again": {in(none, shelf.Place{Path: "/?", Whole: true}, shelf.Place{Path: path, Size: 5, Modified: at, Whole: true}), true, store.FileInPlace},
	} {
		p := place.PresenceOf(&c.info)
		if p.Saved != c.saved || ownState(p) != c.own {
			t.Errorf("%s: %+v, %s", name, p, ownState(p))
		}
	}
}

// known are some people and groups.
type known struct {
	contact, blocked crypto.PersonID
	group            event.Conversation
}

func (k known) Get(p crypto.PersonID) (people.Person, bool) {
	var out people.Person
	out.Contact, out.Blocked = p == k.contact || p == k.blocked, p == k.blocked
	return out, true
}
func (k known) Known(c event.Conversation) bool               { return c == k.group }
func (known) Member(event.Conversation, crypto.PersonID) bool { return false }

// What is fetched without asking is small, of contacts or in groups, and as the owner wants.
func TestAutomatic(t *testing.T) {
	k := known{person(1), person(2), event.Conversation{7}}
	direct := event.Conversation{8}
	on := people.Filing{Auto: people.FetchOn}
	for name, c := range map[string]struct {
		by      crypto.PersonID
		in      event.Conversation
		size    uint64
		hidden  bool
		desktop bool
		filing  people.Filing
		want    bool
	}{
		"of a contact":               {k.contact, direct, 1, false, false, on, true},
		"of a stranger":              {person(3), direct, 1, false, false, on, false},
		"in a group":                 {person(3), k.group, 1, false, false, on, true},
		"of who is blocked":          {k.blocked, direct, 1, false, false, on, false},
		"of who is blocked, a group": {k.blocked, k.group, 1, false, false, on, false},
		"of the owner":               {person(9), direct, 1, false, false, on, true},
		"large":                      {k.contact, direct, maxAuto + 1, false, false, on, false},
		"hidden":                     {k.contact, direct, 1, true, false, on, false},
		"over the owner's limit":     {k.contact, direct, 11, false, false, people.Filing{Auto: people.FetchOn, Max: 10}, false},
		"at the owner's limit":       {k.contact, direct, 10, false, false, people.Filing{Auto: people.FetchOn, Max: 10}, true},
		"off":                        {k.contact, direct, 1, false, true, people.Filing{Auto: people.FetchOff}, false},
		"on a desktop":               {k.contact, direct, 1, false, true, people.Filing{Auto: people.FetchDefault}, true},
		"without a desktop":          {k.contact, direct, 1, false, false, people.Filing{Auto: people.FetchDefault}, false},
	} {
		r := bare()
		r.self = person(9)
		r.cfg = Config{People: k, Groups: k, Desktop: c.desktop, Filing: func() people.Filing { return c.filing }}
		f := store.FileRef{Author: c.by, Conversation: c.in, Hidden: c.hidden}
		f.Size = c.size
		if got := r.automatic(&f, time.Now()); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// By state: whether it is being fetched, whether what is here is needed, and what the owner is told.
func TestStates(t *testing.T) {
	type status = store.FileStatus
	for _, c := range []struct {
		status
		wanted, needed bool
		state, reason  string
	}{
		{status{State: store.FileNew}, false, true, StateOffered, ""},
		{status{State: store.FileOffered, ByHand: true}, false, false, StateOffered, ReasonByHand},
		{status{State: store.FileFetching}, true, true, StateFetching, ""},
		{status{State: store.FilePaused, Reason: store.FileByOwner}, false, true, StatePaused, ReasonOwner},
		{status{State: store.FilePaused, Reason: store.FileNoRoom}, true, true, StatePaused, ReasonNoRoom},
		{status{State: store.FilePaused, Reason: store.FileNoSource}, true, true, StatePaused, ReasonNoSource},
		{status{State: store.FilePaused, Reason: store.FileLost}, true, true, StateGone, ""},
		{status{State: store.FileHeld}, false, true, StateHeld, ""},
		{status{State: store.FileDeclined}, false, false, StateDeclined, ""},
		{status{State: store.FileChanged}, false, false, StateChanged, ""},
		{status{State: store.FileGone}, false, false, StateGone, ""},
		{status{State: store.FileKept}, false, true, StateKept, ""},
		{status{State: store.FileInPlace}, false, true, StateInPlace, ""},
	} {
		f := store.FileRef{}
		f.FileStatus = c.status
		state, reason := Told(c.status)
		if wanted(&f) != c.wanted || needs(c.State) != c.needed || state != c.state || reason != c.reason {
			t.Errorf("%+v: wanted %t, needed %t, %s %q", c.status, wanted(&f), needs(c.State), state, reason)
		}
		f.Own = true
		if wanted(&f) {
			t.Errorf("an own one is wanted: %+v", c.status)
		}
	}
}

// Of several messages that want the same the owner may have asked for one; whether nobody has it is said of all.
func TestJob(t *testing.T) {
	r := bare()
	one, other := ref(1, 0, 1), ref(2, 0, 1)
	if j := r.wants(one, other); j.asked() || j.lacking() {
		t.Error("nobody has asked")
	}
	other.Asked = true
	other.FileStatus.State, other.FileStatus.Reason = store.FilePaused, store.FileLost
	if j := r.wants(one, other); !j.asked() || !j.lacking() {
		t.Error("one was asked for, and nobody has it")
	}
	other.FileStatus.Reason = store.FileNoRoom
	if j := r.wants(other); j.lacking() {
		t.Error("that there is no room is nobody else's fault")
	}
}
