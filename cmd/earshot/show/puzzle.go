package show

import (
	"fmt"
	"io"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// lookedLong is for how long a node must have looked for others before it is odd that it found
	// nobody. Whoever is there is found within seconds, and names itself about once a minute.
	lookedLong = time.Minute

	// waitedLong is for how long a message must have waited for somebody who is here before that is
	// odd: a dial that has failed is made again within that time.
	waitedLong = time.Minute

	// leftLately is for how long after a connection it is no sign of somebody that they were heard of:
	// what they said before may still come.
	leftLately = 2 * time.Minute
)

// Puzzle is what commands show and can't explain, where the doctor may.
type Puzzle struct {
	unreached map[string]label.Somebody // who are here and can't be reached, by ID
	nobody    bool                      // nobody was found for long
}

// PuzzleOfPeers is what is odd in who is here, seen by a node that began at some time.
func PuzzleOfPeers(r *earshotv1.PeersResponse, began time.Time) Puzzle {
	p := Puzzle{nobody: !began.IsZero() && now().Sub(began) >= lookedLong}
	for _, v := range r.Peers {
		p.nobody = p.nobody && !v.Online
		if v.Unreached {
			p.add(v)
		}
	}
	for _, t := range r.Finding.GetTroubles() { // these say themselves why
		p.nobody = p.nobody && t.Code != "no_network" && t.Code != "no_mdns"
	}
	return p
}

// Waits takes in what is odd in what waits for somebody.
func (p *Puzzle) Waits(q *earshotv1.Pending) {
	left := q.LastSeen != nil && now().Sub(q.LastSeen.AsTime()) < leftLately
	if q.WaitingFor == "unreachable" && now().Sub(q.Queued.AsTime()) >= waitedLong && !left {
		p.add(q.Person)
	}
}

func (p *Puzzle) add(who label.Somebody) {
	if p.unreached == nil {
		p.unreached = make(map[string]label.Somebody)
	}
	p.unreached[who.GetPerson()] = who
}

// Write says, in one line, that the doctor can say more; program is how earshot is called. It writes
// nothing where there is nothing to explain.
func (p Puzzle) Write(w io.Writer, program string) error {
	var err error
	switch {
	case len(p.unreached) == 1:
		for _, who := range p.unreached {
			_, err = fmt.Fprintf(w, "`%s doctor %s` says why they can't be reached, and what to do\n", program, terminal.Word(label.WhoWithin(nameColumns, who)))
		}
	case len(p.unreached) > 1:
		_, err = fmt.Fprintf(w, "`%s doctor` says why %d people who are here can't be reached, and what to do\n", program, len(p.unreached))
	case p.nobody:
		_, err = fmt.Fprintf(w, "if somebody should be here, `%s doctor` says what may be in the way\n", program)
	}
	return err
}
