package show

import (
	"bytes"
	"io"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Whoever finds nobody is told each reason, and what to do about it.
func TestFindingSaysWhyNobodyIsFound(t *testing.T) {
	f := &earshotv1.Finding{
		LeftOut: []*earshotv1.LeftOut{{Interface: "docker0", Reason: "container"}, {Interface: "tun0", Reason: "tunnel"}, {Interface: "ppp0", Reason: "no_multicast"},
			{Interface: "eth1", Reason: "no_address"}, {Interface: "eth9", Reason: "not_there"}, {Interface: "x\x1b", Reason: "later"}},
		Troubles:  []*earshotv1.Trouble{{Code: "no_network"}, {Code: "no_mdns"}, {Code: "announce", Detail: "port taken"}, {Code: "hear", Detail: "no memory"}, {Code: "later", Detail: "x\x1b"}},
		Unreached: []*earshotv1.Unreached{{Peer: "10.0.0.7:4001", Detail: "connection refused"}},
	}
	const wanted = "this node does not look for others, since it runs with --no-mdns: it finds who is named by --peer, and whom it met before\n"
	const noNetwork = "this machine has no network now\n"
	const troubles = "others are not told of this node: port taken; name it at theirs, with `earshot up --peer` and an address that `earshot status` shows\n" +
		"nothing is heard of others: no memory; name one with `earshot up --peer ADDRESS`\n" +
		"later: x\\x1b\n" +
		"--peer 10.0.0.7:4001 is not reached: connection refused\n"
	const leftOut = "nobody is found over docker0: it is one of containers or virtual machines, by its name; `earshot up --interface docker0` uses it\n" +
		"nobody is found over tun0: it leads to another network; name a device there with `earshot up --peer ADDRESS`\n" +
		"nobody is found over ppp0: it carries no multicast; name a device there with `earshot up --peer ADDRESS`\n" +
		"nobody is found over eth1: it has no address that others can dial\n" +
		"nobody is found over eth9: there is no such interface now, it is down, or it leads only to this machine; only what was named is used\n" +
		"nobody is found over x\\x1b: later\n"
	for want, tell := range map[string]func(io.Writer) error{
		noNetwork + wanted + troubles + leftOut: func(w io.Writer) error { return Finding(w, f, false) },
		nobody + "\n" + wanted:                  func(w io.Writer) error { return Finding(w, &earshotv1.Finding{Troubles: f.Troubles[1:2]}, false) },
		noNetwork + troubles + leftOut:          func(w io.Writer) error { return Finding(w, f, true) },
	} {
		var b bytes.Buffer
		if err := tell(&b); err != nil || b.String() != want {
			t.Errorf("%v\n got %s\nwant %s", err, &b, want)
		}
	}
	check(t, "status", func(p Printer, b *bytes.Buffer) error {
		return p.Status(b, &earshotv1.StatusResponse{Name: "Ann", Unread: 3, Requests: 1, Online: 2, Known: 5, Outbox: 4, Peers: 2,
			Finding: &earshotv1.Finding{Troubles: f.Troubles[:1], LeftOut: f.LeftOut[4:5]}})
	}, "Ann\nperson     \ndevice     \nversion    \nlistening  \nonline     2 on this network\ncontacts   5\nunread     3\nrequests   1\noutbox     4\n"+
		"finding    this machine has no network now\n           nobody is found over eth9: there is no such interface now, it is down, or it leads only to this machine; only what was named is used",
		`{"person":"","name":"Ann","device":"","version":"","listening":[],"peers":2,"outbox":4,"unread":3,"requests":1,"online":2,"known":5,`+
			`"finding":{"left_out":[{"interface":"eth9","reason":"not_there"}],"troubles":[{"code":"no_network"}]}}`)
	check(t, "a peer", func(p Printer, b *bytes.Buffer) error {
		return p.Unreached(b, "ann:4001\x1b", "connection refused\x1b")
	},
		"earshot: --peer ann:4001\\x1b is not reached: connection refused\\x1b", `{"unreached":{"peer":"ann:4001\u001b","detail":"connection refused\u001b"}}`)
	check(t, "a new identity", func(p Printer, b *bytes.Buffer) error { return p.NewIdentity(b, "/tmp/ann\x1b") },
		"earshot: new identity created in /tmp/ann\\x1b", `{"new_identity":"/tmp/ann\u001b"}`)
	check(t, "nameless", func(p Printer, b *bytes.Buffer) error { return p.Me(b, &earshotv1.MeResponse{ReadReceipts: true}) },
		"no name yet: `earshot me name NEW` sets one\nperson         \ndevice         \naccept         \nread-receipts  on\ntyping         off\npresence       off",
		`{"person":"","device":"","accept":"","read_receipts":true,"typing":false,"presence":false,"recovery_kept":false}`)
	check(t, "nowhere", func(p Printer, b *bytes.Buffer) error { return p.Ready(b, &earshotv1.StatusResponse{Name: "Ann"}) },
		"ready Ann on no network", `{"ready":true,"person":"","name":"Ann","device":"","version":"","listening":[],"peers":0,"outbox":0,"unread":0,"requests":0,"online":0,"known":0}`)
}
