package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// ErrSetting: the value is not allowed for the setting.
var ErrSetting = errors.New("no such setting")

// Who may write: everyone in earshot, or contacts only.
const (
	AcceptEveryone = "everyone"
	AcceptContacts = "contacts"
)

// Names of settings in the store.
const (
	settingAccept = "accept"
	settingQuiet  = "no read receipts"
	settingTyping = "no typing"
	settingAway   = "no presence"
	settingAlerts = "alerts"
	settingHours  = "quiet hours"
	settingUntil  = "quiet until"
	settingFetch  = "fetch files"
	settingFolder = "files folder"
	settingKeep   = "keep files"
	settingMax    = "max files"
	settingLater  = "recovery later"
)

// Me is what the owner of the node has set.
type Me struct {
	Person       crypto.PersonID
	Name         string
	Device       crypto.DeviceID
	Accept       string // AcceptEveryone or AcceptContacts
	ReadReceipts bool
	Typing       bool // others are told when the owner writes, and the owner when they do
	Presence     bool // contacts are told when the owner is away, and the owner when they are
	Alerts       string
	QuietHours   []quiet.Hours
	QuietUntil   time.Time // zero: none, or past
	Filing       Filing

	RecoveryKept  bool      // the recovery words have not been written down
	RecoveryLater time.Time // nobody is reminded of them before then; zero: no such time, or past
}

// Owner is the person whose node this is: what they have set and what they call themselves. Its
// methods may be called by any goroutine; those that change something return when that is on the
// disk.
type Owner struct {
	cfg   OwnerConfig
	store *store.Store
	self  crypto.PersonID
	own   crypto.DeviceID

	mu      gosync.Mutex // guards what follows
	accept  string       // AcceptEveryone or AcceptContacts
	quiet   bool         // no read receipts
	signs   signs
	filing  Filing    // without the usual folder
	later   time.Time // when to remind of the recovery words
	profile *event.Record
	name    string // in profile
}

// OwnerConfig is what an Owner is made of.
type OwnerConfig struct {
	// Renamed is told the new profile after the owner has taken another name.
	Renamed func(profile event.Record)
	// Accepting is told who may write after that has changed.
	Accepting func(accept string)
	// Set is called after anything else has changed of what the owner has set; nil: by nobody.
	Set func()
	// Now is the owner's clock; nil: time.Now.
	Now func() time.Time
	// Folder is where files are saved if the owner has set no other; an absolute path.
	Folder string
}

// NewOwner reads what the owner has set.
func NewOwner(s *store.Store, cfg OwnerConfig) (*Owner, error) {
	if cfg.Set == nil {
		cfg.Set = func() {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	own := s.Own()
	o := &Owner{cfg: cfg, store: s, self: own.Person, own: own.Device.ID(), accept: AcceptEveryone}
	values := make(map[string]string)
	for _, name := range []string{settingAccept, settingQuiet, settingTyping, settingAway, settingAlerts, settingHours, settingUntil,
		settingFetch, settingFolder, settingKeep, settingMax, settingLater} {
		value, err := s.Book().Setting(name)
		if err != nil {
			return nil, fmt.Errorf("read setting %q: %w", name, err)
		}
		values[name] = value
	}
	o.quiet = values[settingQuiet] != ""
	o.signs = readSigns(values)
	o.filing = readFiling(values)
	o.later = readTime(values[settingLater])
	if values[settingAccept] == AcceptContacts {
		o.accept = AcceptContacts
	}
	profiles, err := s.Book().Records(event.KindProfile, event.ProfileSubject(o.self))
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	for _, p := range profiles {
		if p.Device == o.own {
			o.take(&p)
		}
	}
	return o, nil
}

// Accepts says who may write: AcceptEveryone or AcceptContacts.
func (o *Owner) Accepts() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.accept
}

// Profile returns the record that says what the owner calls themselves, or nil.
func (o *Owner) Profile() *event.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.profile
}

// Name returns what the owner calls themselves, or "".
func (o *Owner) Name() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.name
}

// take replaces the profile. The caller holds the lock, once others know the owner.
func (o *Owner) take(profile *event.Record) { o.profile, o.name = profile, NameIn(profile) }

// SetName changes what the owner calls themselves, and tells everyone connected.
func (o *Owner) SetName(ctx context.Context, name string) error {
	name, err := names.Claim(name)
	if err != nil {
		return err
	}
	record, err := o.store.Book().SignRecord(ctx, event.KindProfile, event.ProfileSubject(o.self), event.Profile{Name: name}.Marshal(),
		func(record event.Record) { o.show(func() { o.take(&record) }) })
	if err != nil {
		return err
	}
	o.cfg.Renamed(record)
	return nil
}

// SetAccept says who may write: AcceptEveryone or AcceptContacts.
func (o *Owner) SetAccept(ctx context.Context, accept string) error {
	if accept != AcceptEveryone && accept != AcceptContacts {
		return fmt.Errorf("%w: accept %q", ErrSetting, accept)
	}
	if err := o.store.Book().SetSetting(ctx, settingAccept, accept, func() { o.show(func() { o.accept = accept }) }); err != nil {
		return err
	}
	o.cfg.Accepting(accept)
	return nil
}

// SetReadReceipts says whether others learn what the owner has read, from now on.
func (o *Owner) SetReadReceipts(ctx context.Context, on bool) error {
	return o.store.Book().SetSetting(ctx, settingQuiet, off(on), func() { o.show(func() { o.quiet = !on }) })
}

// show changes what is kept in memory, after it was committed and before anybody is told of that.
func (o *Owner) show(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

// Me returns what the owner has set.
func (o *Owner) Me(context.Context) (Me, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	me := Me{Person: o.self, Name: o.name, Device: o.own, Accept: o.accept, ReadReceipts: !o.quiet,
		Typing: !o.signs.noTyping, Presence: !o.signs.noPresence, Alerts: o.signs.alerts, QuietHours: slices.Clone(o.signs.hours), Filing: o.filed(),
		RecoveryKept: o.store.Recovery() != nil}
	now := o.cfg.Now()
	if o.signs.until.After(now) {
		me.QuietUntil = o.signs.until
	}
	if o.later.After(now) {
		me.RecoveryLater = o.later
	}
	return me, nil
}
