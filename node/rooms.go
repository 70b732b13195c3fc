package node

import (
	"context"
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/crowd"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/mesh"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/presence"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/node/sharing"
	"github.com/earshot-im/earshot/node/sightings"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store/event"
)

// makeRooms makes the rooms, each after those that it needs, and reads what they keep in memory.
func (n *Node) makeRooms() (err error) {
	n.shown = notify.NewCounter(n.store.Last())
	n.warnings = warnings.New(warnings.Config{Store: n.store, Now: n.cfg.Now, Tell: n.warned})
	n.sightings = sightings.New(sightings.Config{Device: n.host.ID(), Known: n.isContact, Own: n.sightedSelf,
		Full:  func() { n.short(budget.Stranger) },
		Found: func(s discovery.Sighting) { n.mesh.Sighted(s) }, Log: n.log})
	n.mesh = mesh.New(mesh.Config{Host: n.host, Self: n.me.device, NewSession: n.newSession, Log: n.log,
		Known:     n.people.Keeps,
		Found:     n.people.Found,
		Parted:    n.parted,
		Changed:   n.peersChanged,
		Unreached: n.unreached})
	if err := n.people.Load(n.store, n.groups, n.mesh); err != nil {
		return err
	}
	if err := n.groups.Load(n.store); err != nil {
		return err
	}
	if n.owner, err = people.NewOwner(n.store, people.OwnerConfig{Renamed: n.renamed, Accepting: n.accepting,
		Set: func() { n.moment.Settings() }, Now: n.cfg.Now, Folder: n.cfg.Folder}); err != nil {
		return err
	}
	n.receipts = receipts.New(receipts.Config{Store: n.store, Records: n.store.Book(), Groups: n.groups, Self: n.me.person, Signed: n.receiptSigned, Log: n.log})
	n.acks = receipts.NewAcks(n.store, n.log)
	n.contacts = contacts.New(contacts.Config{Store: n.store, Now: n.cfg.Now,
		Names: contacts.NewNames(contacts.NamesConfig{Store: n.store, People: n.people, Owner: n.owner,
			Groups: n.groups, Presence: n.mesh, Away: func(id crypto.PersonID) bool { return n.moment.Away(id) }}),
		Changed: n.personChanged, Requested: n.requested,
		Ingest: func(ctx context.Context, run event.Run, from crypto.PersonID) error {
			return n.door.Ingest(ctx, run, from).Err
		}})
	n.moment = presence.New(presence.Config{Self: n.me.person, Hearing: n.hearing, Names: n.contacts, People: n.people, Groups: n.groups,
		Tells: n.owner.Tells, Typing: n.typing, Moved: n.presence.Bump})
	n.door = ingest.New(ingest.Config{Store: n.store, People: n.people, Owner: n.owner, Groups: n.groups,
		Receipts: n.receipts, Now: n.cfg.Now, Log: n.log,
		Met: n.met, Changed: n.presence.Bump,
		MoreWaits: n.contacts.PutMoreWaits, Room: n.room, Again: n.again, Limited: n.limited,
		Link: func(at netip.Addr) netip.Prefix { return budget.Link(at, n.mesh.Network().OnLink(at)) }})
	n.runs = sharing.NewRuns(n.store.LoadRun)
	n.sharing = sharing.New(sharing.Config{Store: n.store, People: n.people, Owner: n.owner, Groups: n.groups,
		Runs: n.runs, Doubted: n.door.Doubted})
	n.crowd = crowd.New(crowd.Config{Host: n.host, Store: n.store, People: n.people, Groups: n.groups, Door: n.door,
		Mesh: n.mesh, Above: n.cfg.GossipAbove, Log: n.log})
	n.waits = waiting.New(waiting.Config{Store: n.store, People: n.people, Owner: n.owner, Contacts: n.contacts, Groups: n.groups, Mesh: n.mesh})
	n.messages = chat.NewMessages(chat.Config{Store: n.store, People: n.people, Owner: n.owner, Contacts: n.contacts, Groups: n.groups,
		Receipts: n.receipts, Acks: n.acks, Waiting: n.waits, Shown: n.shown, Revealed: n.revealed,
		Drafted: func(c event.Conversation) { n.overviews.Sent(c) }})
	n.overviews = conversations.New(conversations.Config{Store: n.store, People: n.people, Contacts: n.contacts, Groups: n.groups,
		Messages: n.messages, Now: n.cfg.Now, Drafted: n.drafted})
	n.files = files.New(files.Config{Dir: n.cfg.Dir, Store: n.store, Names: n.contacts, People: n.people, Groups: n.groups,
		Stream: n.blobStream, Here: n.identified, MayRead: n.sharing.Attachment, Words: n.talks, Filing: n.owner.Filing, Desktop: n.cfg.Desktop,
		Space: n.cfg.Space, Now: n.cfg.Now, Log: n.log})
	n.giver = give.New(give.Config{Backend: n.files.Giver(), Log: n.log})
	n.membership = membership.New(membership.Config{Store: n.store, People: n.people, Contacts: n.contacts, Groups: n.groups})
	n.journal = journal.New(journal.Config{Store: n.store, Messages: n.messages,
		Contacts: n.contacts, Owner: n.owner, Shown: n.shown, Waiting: n.waiting,
		Conversations: n.overviews, Drafted: n.drafted, Presence: n.moment, Typing: n.typing, Moved: n.presence, Online: n.online})
	n.attention = attention.New(attention.Config{Journal: n.journal, Messages: n.messages, Me: n.owner.Me, Conversation: n.contacts.Conversation, Look: n.moment.Look,
		Wanted: n.overviews.Wanted, Now: n.cfg.Now, Log: n.log})
	if n.networks = n.cfg.Networks; n.networks == nil {
		n.networks = discovery.ReadNetwork(n.cfg.Interfaces...)
	}
	n.watcher = discovery.NewWatcher(n.networks, n.log)
	if n.cfg.Networks == nil {
		n.watcher.Listen()
	}
	n.doctor = n.newDoctor()
	return nil
}
