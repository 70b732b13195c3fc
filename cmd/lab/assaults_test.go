//go:build lab && linux

package lab

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// An assault is a row of the table: an attack, and what is special about it.
type assault struct {
	name      string
	args      string // of cmd/hostile
	addresses int    // of the attacker
	contacts  bool   // Bob takes messages of contacts only
	files     bool   // Bob fetches what contacts send, and Ann sends him a file meanwhile
	accepted  int    // so many of the attacker's persons are Bob's contacts; the attack has -seed
	// slower and share are in place of maxSlower and maxShare, where the attackers are contacts.
	slower, share float64
	stored        int64         // in place of maxStored
	lasts         time.Duration // in place of the pace's, where an attack needs its time
	watch         string        // of cmd/hostile, for a third party that looks on
	// came looks at what the attacker has counted, and at what the third party has.
	came      func(counts, seen object) (miss []string)
	meanwhile func(s *siege) (miss []string) // while Bob is attacked
}

const (
	many = 64 // source addresses, of an attacker who has no lack of them
	// seed makes the attacker's persons the same in each run.
	seed = "-seed 9 "
	// dialled is how many addresses that never answered as earshot may be dialled within a minute: by
	// each of four nodes 24 of strangers' devices.
	dialled = 4 * 24
	// lies is how many ways cmd/hostile has to lie about files.
	lies = 13
	// spoken is how many multicasts, and bytes of them, may follow one packet: ten, and what the
	// nodes say of their own meanwhile.
	spoken, spokenBytes = 10 + 50, 1 << 20
)

// calm is the row without an attack. It is always the first, since it shows how much memory Bob has
// who has been used as in the other rows: when they begin he has just been started.
const calm = "no attack"

var assaults = []assault{
	{name: calm, args: "rest", addresses: many},
	{name: "half-open connections", args: "half", addresses: many},
	{name: "idle links", args: "idle", addresses: many},
	{name: "silent streams of one address", args: "streams", addresses: 1, came: soonReset},
	{name: "keys of another kind", args: "keys", addresses: many, came: soonClosed},
	{name: "64 persons write", args: "sybils", addresses: many},
	{name: "64 persons to contacts only", args: "sybils", addresses: many, contacts: true},
	{name: "20 fill the budget", args: "budget", addresses: many},
	{name: "flood from 4 addresses", args: "flood", addresses: 4},
	{name: "new sessions", args: "churn", addresses: many},
	{name: "nonsense", args: "garbage", addresses: many},
	{name: "slow frames", args: "slow", addresses: many},
	{name: "cards never read", args: "cards", addresses: many},
	{name: "claims", args: "claims", addresses: many},
	{name: "held runs", args: "held", addresses: many},
	{name: "kept welcomes", args: "kept", addresses: many},
	{name: "dear control set", args: "bomb", addresses: many, lasts: 5 * time.Second, came: hungUpOn},
	{name: "removals of nobody", args: "fat", addresses: many},
	{name: "group of 1,010", args: "pin", addresses: many},
	{name: "group that fills the disk", args: "fill", addresses: many},
	{name: "256 groups of four", args: "junk", addresses: many},
	{name: "repeated runs", args: "repeats", addresses: many},
	{name: "forks", args: "forks", addresses: many},
	{name: "refused runs", args: "refused", addresses: many},
	{name: "renames", args: "renames", addresses: many},
	{name: "sightings", args: "-target 10.9.0.5 sightings", addresses: many, watch: "-target 10.9.0.5 -for 2h listen", came: leftAlone},
	{name: "forged addresses", args: "-target 10.9.0.5 forged", addresses: many, watch: "-target 10.9.0.5 -for 2h listen", came: leftAlone},
	{name: "mDNS questions", args: "questions", addresses: many, watch: "-for 1500ms hear", came: quiet},
	{name: "mDNS answers", args: "answers", addresses: many},
	{name: "beacons", args: "beacons", addresses: many},
	{name: "60 others at the attacker's address", args: "flood", addresses: 1, meanwhile: crowd},
	{name: "contacts write on", args: seed + "-n 4 budget", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "contacts repeat", args: seed + "-n 4 repeats", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "contacts claim", args: seed + "-n 4 claims", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "a contact's dear control set", args: seed + "bomb", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored, lasts: 15 * time.Second},
	{name: "a contact's removals of nobody", args: seed + "fat", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored},
	{name: "a contact's group fills the disk", args: seed + "fill", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored},
	{name: "strangers ask for files", args: "asks", addresses: many, came: haveAsked},
	{name: "strangers offer files", args: "offers", addresses: many},
	{name: "contacts ask for files", args: seed + "-n 4 asks", addresses: 4, accepted: 4, files: true, slower: 3, share: 1, stored: contactsStored, lasts: 6 * time.Second, came: haveAsked},
	{name: "contacts lie about files", args: seed + "lies", addresses: 4, accepted: lies, files: true, slower: 3, share: 1, stored: contactsStored, lasts: 8 * time.Second, came: allLied},
	{name: "a contact's folders that lead elsewhere", args: seed + "folders", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored, meanwhile: savesFolders},
	{name: "a contact's many files", args: seed + "many", addresses: 4, accepted: 1, files: true, slower: 3, share: 1, stored: contactsStored},
}

const (
	// negotiated is how long a stream may go without a protocol: two seconds, and as much until it
	// is its turn, and what the machine adds.
	negotiated = 5 * time.Second
	// judged is how long a link may last whose key can't be any device's: a handshake.
	judged = time.Second
)

func soonReset(counts, _ object) []string {
	return notLonger(counts, "longest_stream_ms", negotiated, "a stream without a protocol")
}

func soonClosed(counts, _ object) []string {
	return notLonger(counts, "longest_link_ms", judged, "a link of another key")
}

// hungUpOn expects that who sends a control set that was not asked for can't go on.
func hungUpOn(counts, _ object) []string {
	if n, _ := counts["failed send"].(float64); n == 0 {
		return []string{"what was not asked for is taken"}
	}
	return nil
}

func notLonger(counts object, counter string, than time.Duration, what string) []string {
	if n, _ := counts[counter].(float64); time.Duration(n)*time.Millisecond > than {
		return []string{fmt.Sprintf("%s lasts %.1f s", what, n/1000)}
	}
	return nil
}

// fetched is how long a file of a contact's may take, of as little as 1 MiB, whatever others have
// offered: what is being fetched keeps its turn for 30 s.
const fetched = 45 * time.Second

// haveAsked expects that anything was asked for.
func haveAsked(counts, _ object) (miss []string) {
	if counts.number("requests") == 0 {
		miss = append(miss, "no file was asked for")
	}
	return miss
}

// allLied expects that everybody who was to lie was asked.
func allLied(counts, _ object) (miss []string) {
	told := 0
	for what := range counts {
		if strings.HasPrefix(what, "lied: ") {
			told++
		}
	}
	if told < lies {
		miss = append(miss, fmt.Sprintf("only %d of %d have lied", told, lies))
	}
	return miss
}

// leftAlone expects that a host which is no earshot is hardly dialled.
func leftAlone(_, counts object) (miss []string) {
	if n, _ := counts["connections to ports below 1024"].(float64); n > 0 {
		miss = append(miss, fmt.Sprintf("%.0f connections to a third party's ports below 1024", n))
	}
	if n, _ := counts["connections"].(float64); n > dialled {
		miss = append(miss, fmt.Sprintf("%.0f connections to a third party", n))
	}
	return miss
}

// quiet expects that one packet does not lead to many.
func quiet(_, counts object) (miss []string) {
	packets, bytes := 0.0, 0.0
	for what, n := range counts {
		from, kind, _ := strings.Cut(what, " ")
		if n, _ := n.(float64); !strings.HasPrefix(from, "10.9.0.") {
			continue // the attacker
		} else if kind == "packets" {
			packets += n
		} else {
			bytes += n
		}
	}
	if packets > spoken || bytes > spokenBytes {
		miss = append(miss, fmt.Sprintf("%.0f multicasts of %.0f bytes", packets, bytes))
	}
	return miss
}

const (
	crowdSeed                     = "-seed 8 "
	crowdContacts, crowdNewcomers = 10, 50
)

// crowd has 50 newcomers and 10 contacts come, all from the attacker's address, as behind an address
// translation.
func crowd(s *siege) (miss []string) {
	var coming sync.WaitGroup
	var back, in error
	coming.Go(func() {
		_, back = s.atBob.people(s.bob, 1, fmt.Sprint(crowdSeed, "-n ", crowdContacts), crowdContacts, contactBack)
	})
	coming.Go(func() {
		_, in = s.atBob.people(s.bob, 1, fmt.Sprint("-n ", crowdNewcomers), crowdNewcomers, strangerIn)
	})
	coming.Wait()
	if back != nil {
		miss = append(miss, "contacts: "+back.Error())
	}
	if in != nil {
		miss = append(miss, "newcomers: "+in.Error())
	}
	return miss
}
