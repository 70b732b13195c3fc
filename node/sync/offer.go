package sync

import (
	"bytes"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// offers offers conversations to the peer, as soon as there is room, and keeps what the peer offers
// of conversations that aren't joined (yet).
type offers struct {
	*pair
	pace    *pace
	records *records
	rounds  *rounds
	take    *take
	control *control

	queue []*conversation       // wait for room
	kept  map[string]wire.Offer // by the peer's tag
	size  int                   // of kept, see maxKept
}

// offering is how a conversation is to be offered. Its zero value is that it isn't.
type offering int

const (
	notDue     offering = iota
	asFollowed          // everything is wanted if the peer is followed
	everything          // it is in any case
	inFull              // and all that is here is listed
)

// add queues a conversation to be offered.
func (o *offers) add(how offering, c *conversation) {
	if c.offer == notDue {
		o.queue = append(o.queue, c)
	}
	c.offer = max(c.offer, how)
}

// goOn sends offers in as few frames as that takes, while there is room. It returns the
// conversations that were offered for the first time since Joined gave them.
func (o *offers) goOn() (begun []*conversation) {
	var frame []wire.Offer
	size := 0
	send := func() {
		if len(frame) > 0 {
			slices.SortFunc(frame, func(a, b wire.Offer) int { return bytes.Compare(a.Tag, b.Tag) })
			o.pace.say(wire.Frame{Offers: &wire.Offers{Offers: frame}}, size)
		}
		frame, size = nil, 0
	}
	for len(o.queue) > 0 && o.pace.roomAfter(size) {
		c := o.queue[0]
		o.queue = o.queue[1:]
		how := c.offer
		c.offer = notDue
		if c.left {
			continue
		}
		offer, weight := o.make(c, how)
		if len(frame) == wire.MaxOffers || size+weight > haveBytes {
			send()
		}
		frame = append(frame, offer)
		size += weight
		if c.fresh {
			begun = append(begun, c)
		}
	}
	send()
	return begun
}

// make makes an offer of a conversation, and says about how many bytes it takes. Of a group it
// lists only what the peer's device has written, unless everything is wanted: a member meets many
// others, and must neither tell each of them all that it has nor get it from each. What does not
// fit in one offer is told by Have later.
func (o *offers) make(c *conversation, how offering) (offer wire.Offer, weight int) {
	offer = wire.Offer{Tag: c.ourTag, Store: o.store, Locator: o.control.locator(c), Number: o.rounds.offer(c)}
	weight = 128 + 40*len(offer.Locator)
	o.take.takeAgain(c)
	if c.quiet {
		offer.Want, offer.Void = wire.WantNothing, c.void
		return offer, weight + 40*len(c.void)
	}
	switch {
	case c.follow:
	case how != asFollowed:
		offer.Want = wire.WantNow
	default:
		offer.Want = wire.WantOwn
	}
	if offer.Want != wire.WantOwn {
		o.rounds.begin(c)
	}
	names := c.names(func(log event.Log) bool { return offer.Want != wire.WantOwn || log.Device == o.peer })
	if c.group && how != inFull && len(names) > shortOffer {
		o.rounds.shorten(c)
		offer.Digest = c.digest(names)
		for _, l := range c.order {
			l.tell()
			l.said = false // an offer takes back what it does not say again
		}
		return offer, weight
	}
	for _, name := range names {
		l := wire.LogSegments{Device: name.Device, Instance: name.Instance, Segments: c.tellable(name).Told(), Direct: c.near[name]}
		if w := weighLog(&l); len(offer.Logs) < wire.MaxLogs && weight+w <= haveBytes {
			weight += w
			offer.Logs = append(offer.Logs, l)
			if c.logs[name] != nil || l.Direct {
				c.logOf(name).tell()
			}
		} else {
			c.logOf(name).forgetTold()
		}
	}
	const summaryWeight = 224
	all := o.records.summaries(c)
	offer.Records = all[:min(len(all), wire.MaxRecords, (haveBytes-weight)/summaryWeight)]
	return offer, weight + len(offer.Records)*summaryWeight
}

// weighLog is about how many bytes a log takes in an Offer or a Have.
func weighLog(l *wire.LogSegments) int { return 56 + 56*len(l.Segments) }

// unknown returns the tags of those that are kept that Joined has not given, in order.
func (o *offers) unknown(known map[string]*conversation) (tags [][]byte) {
	for _, tag := range slices.Sorted(maps.Keys(o.kept)) {
		if known[tag] == nil && tag != "" {
			tags = append(tags, []byte(tag))
		}
	}
	return tags
}

// keep remembers an offer that can't be answered yet. One that is too much to remember is as if the
// peer held nothing.
func (o *offers) keep(offer wire.Offer) {
	tag := string(offer.Tag)
	o.drop(tag)
	if o.size+sizeOf(offer) > maxKept {
		offer.Logs, offer.Records, offer.Locator = nil, nil, nil
	}
	if n := sizeOf(offer); o.size+n <= maxKept {
		o.size += n
		o.kept[tag] = offer
	}
}

// keptOf returns the offer that was kept of a conversation, and forgets it.
func (o *offers) keptOf(c *conversation) (offer wire.Offer, ok bool) {
	tag := string(c.peerTag)
	offer, ok = o.kept[tag]
	o.drop(tag)
	return offer, ok
}

func (o *offers) drop(tag string) {
	if offer, ok := o.kept[tag]; ok {
		o.size -= sizeOf(offer)
		delete(o.kept, tag)
	}
}

// sizeOf is what an offer counts towards maxKept.
func sizeOf(offer wire.Offer) int {
	n := 1 + len(offer.Records) + len(offer.Locator)
	for i := range offer.Logs {
		n += len(offer.Logs[i].Segments)
	}
	return n
}
