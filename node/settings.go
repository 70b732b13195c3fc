package node

import (
	"context"
	"fmt"
	"strconv"

	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// Names of settings in the store.
const (
	settingAccept = "accept"
	settingQuiet  = "no read receipts"
	settingPort   = "port"
)

// settings is what the owner has chosen.
type settings struct {
	accept string // AcceptEveryone or AcceptContacts
	quiet  bool   // no read receipts
	port   uint16 // on which the node listened last, 0: never
}

func (n *Node) loadSettings() error {
	values := make(map[string]string)
	for _, name := range []string{settingAccept, settingQuiet, settingPort} {
		value, err := n.store.Setting(name)
		if err != nil {
			return fmt.Errorf("read setting %q: %w", name, err)
		}
		values[name] = value
	}
	n.settings = settings{accept: AcceptEveryone, quiet: values[settingQuiet] != ""}
	if values[settingAccept] == AcceptContacts {
		n.settings.accept = AcceptContacts
	}
	if p, err := strconv.ParseUint(values[settingPort], 10, 16); err == nil {
		n.settings.port = uint16(p)
	}
	return nil
}

func (n *Node) lastPort() uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.settings.port
}

func (n *Node) accepts() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.settings.accept
}

func (n *Node) ownProfile() *event.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.profile
}

// introduce reads the profile, and signs a new one if the configuration names another name.
func (n *Node) introduce(ctx context.Context) error {
	profiles, err := n.store.Records(event.KindProfile, event.ProfileSubject(n.me.person))
	if err != nil {
		return fmt.Errorf("read profile: %w", err)
	}
	for _, p := range profiles {
		if p.Device == n.me.device {
			n.mu.Lock()
			n.profile = &p
			n.mu.Unlock()
		}
	}
	if name := n.cfg.Name; name != "" && name != profileName(n.ownProfile()) {
		return n.SetName(ctx, name)
	}
	return nil
}

// SetName changes what the owner calls themselves, and tells everyone connected.
func (n *Node) SetName(ctx context.Context, name string) error {
	name, err := names.Parse(name)
	if err != nil {
		return err
	}
	record, err := n.store.SignRecord(ctx, event.KindProfile, event.ProfileSubject(n.me.person), event.Profile{Name: name}.Marshal())
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.profile = &record
	n.mu.Unlock()
	n.eachSession(func(s *session) {
		if them, ok := n.people.of(s.peer); ok {
			s.news.record(sync.HeldRecord{Conversation: event.Direct(n.me.person, them.ID), Record: record})
		}
	})
	n.presence.Bump()
	return nil
}

// SetAccept says who may write: AcceptEveryone or AcceptContacts.
func (n *Node) SetAccept(ctx context.Context, accept string) error {
	if accept != AcceptEveryone && accept != AcceptContacts {
		return fmt.Errorf("%w: accept %q", ErrSetting, accept)
	}
	if err := n.store.SetSetting(ctx, settingAccept, accept); err != nil {
		return err
	}
	n.mu.Lock()
	n.settings.accept = accept
	n.mu.Unlock()
	n.eachSession(func(s *session) {
		if them, ok := n.people.of(s.peer); ok && !them.Contact && accept == AcceptContacts {
			s.cancel(errNotServed) // the next session is like that with any stranger from its beginning
		}
		s.news.policy()
	})
	return nil
}

// SetReadReceipts says whether others learn what the owner has read, from now on.
func (n *Node) SetReadReceipts(ctx context.Context, on bool) error {
	value := ""
	if !on {
		value = "1"
	}
	if err := n.store.SetSetting(ctx, settingQuiet, value); err != nil {
		return err
	}
	n.mu.Lock()
	n.settings.quiet = !on
	n.mu.Unlock()
	return nil
}

// Me returns what the owner has set.
func (n *Node) Me(context.Context) (Me, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Me{Person: n.me.person, Name: profileName(n.profile), Device: n.me.device,
		Accept: n.settings.accept, ReadReceipts: !n.settings.quiet}, nil
}
