package reading

import "github.com/earshot-im/earshot/node/localapi"

// seen is a message that was read. The node finds it sooner by its cursor, unless its directory was put back since.
type seen struct{ id, cursor string }

// marker tells the node which messages its owner has read. It does so in a goroutine of its own:
// each call tells of all that have been read by then. So the first is told at once, and a thousand
// that are read meanwhile cost the node one commit.
type marker struct {
	tell   func([]seen) error // of one message or more, in order, up to localapi.MaxPage
	failed func(error)        // is called with the first error of tell; nothing is told after it
	seen   chan []seen
	ended  chan error
}

// maxBehind is how many groups may have been read of which the node was not told.
const maxBehind = 32

// startMarker returns a marker that runs until end is called.
func startMarker(tell func([]seen) error, failed func(error)) *marker {
	m := &marker{tell: tell, failed: failed}
	m.start()
	return m
}

func (m *marker) start() {
	m.seen, m.ended = make(chan []seen, maxBehind), make(chan error, 1)
	go m.run() // ends when end or settle is called
}

// read says that a group of messages was read, up to maxGroup. It waits while the node is far behind.
func (m *marker) read(group []seen) { m.seen <- group }

// end returns when the node has been told of every message, or the error that kept it from that.
func (m *marker) end() error {
	close(m.seen)
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
	for first := range m.seen {
		all := m.gather(first)
		if failed != nil {
			continue // so that nobody waits
		}
		if failed = m.tell(all); failed != nil {
			m.failed(failed)
		}
	}
	m.ended <- failed
}

// gather returns first and the groups that were read by now, as many as one call may tell.
func (m *marker) gather(first []seen) []seen {
	all := first
	for len(all)+maxGroup <= localapi.MaxPage {
		select {
		case group, more := <-m.seen:
			if !more {
				return all
			}
			all = append(all, group...)
		default:
			return all
		}
	}
	return all
}
