package contacts

import (
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// Whoever made a group is in it by themselves, whatever this device has written since.
func TestOwnGroupIsAccepted(t *testing.T) {
	me := crypto.PersonID{1}
	n := &Names{self: me, cfg: NamesConfig{People: people.New(people.Config{})}}
	state := &authority.State{Members: []authority.Member{{Person: me, InvitedBy: me}}}
	if got := n.groupRank(event.Conversation{1}, state); got != phonebook.ByContact {
		t.Errorf("rank %d", got)
	}
}
