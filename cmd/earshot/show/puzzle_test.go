package show

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What commands can't explain, doctor may: it is named where something is odd, and nowhere else.
func TestDoctorIsNamedWhereItHelps(t *testing.T) {
	ago := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now().Add(-d)) }
	peer := func(online, unreached bool) *earshotv1.Peer {
		return &earshotv1.Peer{Person: bob.Person, Name: bob.Name, Pinned: bob.Pinned, KnownAs: bob.KnownAs, Contact: true, Online: online, Unreached: unreached}
	}
	other := &earshotv1.Peer{Person: eve.Person, Name: "Eve", KnownAs: "Eve", Contact: true, Unreached: true}
	peers := func(all ...*earshotv1.Peer) *earshotv1.PeersResponse { return &earshotv1.PeersResponse{Peers: all} }
	long, lately := now().Add(-time.Hour), now().Add(-time.Second)
	waits := func(why string, queued, seen time.Duration) (p Puzzle) {
		p.Waits(&earshotv1.Pending{Person: bob, WaitingFor: why, Queued: ago(queued), LastSeen: ago(seen)})
		return p
	}
	const about = "`earshot doctor 'Bob (b0b0b0b0b0b0b0b0)'` says why they can't be reached, and what to do\n"
	for _, c := range []struct {
		what   string
		puzzle Puzzle
		want   string
	}{
		{"somebody is here", PuzzleOfPeers(peers(peer(true, false)), long), ""},
		{"nobody was found for long", PuzzleOfPeers(peers(peer(false, false)), long), "if somebody should be here, `earshot doctor` says what may be in the way\n"},
		{"it has just started", PuzzleOfPeers(peers(), lately), ""},
		{"it is not known when it started", PuzzleOfPeers(peers(), time.Time{}), ""},
		{"it is known why", PuzzleOfPeers(&earshotv1.PeersResponse{Finding: &earshotv1.Finding{Troubles: []*earshotv1.Trouble{{Code: "no_network"}}}}, long), ""},
		{"one can't be reached", PuzzleOfPeers(peers(peer(false, true)), lately), about},
		{"two devices of one", PuzzleOfPeers(peers(peer(false, true), peer(false, true)), lately), about},
		{"two can't be reached", PuzzleOfPeers(peers(peer(false, true), other), long), "`earshot doctor` says why 2 people who are here can't be reached, and what to do\n"},
		{"nothing waits", Puzzle{}, ""},
		{"somebody is away", waits("offline", time.Hour, time.Hour), ""},
		{"it waits too long", waits("unreachable", time.Hour, time.Hour), about},
		{"it waits not long yet", waits("unreachable", time.Second, time.Hour), ""},
		{"they have just left", waits("unreachable", time.Hour, time.Minute), ""},
	} {
		var b strings.Builder
		if err := c.puzzle.Write(&b, "earshot"); err != nil || b.String() != c.want {
			t.Errorf("%s: %q, %v, want %q", c.what, &b, err, c.want)
		}
	}
}
