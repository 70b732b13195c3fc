package reading

import "github.com/earshot-im/earshot/node/localapi"

// place is a place in what is read. Whoever is at a place has dealt with everything up to it.
type place struct {
	id     string // of the message there; "" where messages that don't pass the filter were passed over
	cursor string
}

// marker tells the node how far its owner, or the reader of --as, has come. It does so in a
// goroutine of its own: each call tells of all places that have been reached by then. So the first
// is told at once, and a thousand that are reached meanwhile cost the node one commit.
type marker struct {
	tell   func([]place) error // of one place or more, in order
	failed func(error)         // is called with the first error of tell; nothing is told after it
	places chan place
	ended  chan error
}

// startMarker returns a marker that runs until end is called.
func startMarker(tell func([]place) error, failed func(error)) *marker {
	m := &marker{tell: tell, failed: failed}
	m.start()
	return m
}

func (m *marker) start() {
	m.places, m.ended = make(chan place, localapi.MaxPage), make(chan error, 1)
	go m.run() // ends when end or settle is called
}

// reached says that a place was reached. It waits while the node is far behind.
func (m *marker) reached(p place) { m.places <- p }

// end returns when the node has been told of every place, or the error that kept it from that.
func (m *marker) end() error {
	close(m.places)
	return <-m.ended
}

// settle is end, but the marker goes on.
func (m *marker) settle() error {
	err := m.end()
	m.start()
	return err
}

func (m *marker) run() {
	var failed error
	for first := range m.places {
		places := m.gather(first)
		if failed != nil {
			continue // so that nobody waits
		}
		if failed = m.tell(places); failed != nil {
			m.failed(failed)
		}
	}
	m.ended <- failed
}

// gather returns first and the places that were reached by now, as many as one call may tell.
func (m *marker) gather(first place) []place {
	places := []place{first}
	for len(places) < localapi.MaxPage {
		select {
		case p, more := <-m.places:
			if !more {
				return places
			}
			places = append(places, p)
		default:
			return places
		}
	}
	return places
}
