package sync

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// tell lets the peer know what is held here, so that it does not push that. What others brought is
// gathered for havePause, or for calmHave where the peer knows that it need not hear of it sooner; an
// answer to a run is sent at once.
type tell struct {
	*turn
	*pair
	pace   *pace
	listed []*log    // to be told when at has come, or when there is room
	at     time.Time // zero: no time is set
}

// mention lists a log if something of it has still to be told and is not told by runs that are
// pushed anyway. A peer that pushes only what it writes itself need not know.
func (t *tell) mention(l *log) {
	if !l.conv.live() || !l.conv.follow || !t.news(l) {
		return
	}
	waits := len(t.listed) > 0 && t.at.IsZero() // for room, and no longer
	if !l.listed {
		l.listed = true
		t.listed = append(t.listed, l)
	}
	if !waits {
		t.at = earliest(t.at, t.now.Add(l.tellWithin()))
	}
}

// news reports whether something of a log has still to be told.
func (t *tell) news(l *log) bool {
	untold := l.untold()
	if l.push.comes() {
		untold = untold.Subtract(t.pushable(l))
	}
	return len(untold) > 0 || l.takesBack()
}

// tellWithin is how long what the peer is told of a log may be gathered.
func (l *log) tellWithin() time.Duration {
	if l.said && !l.takesBack() {
		return calmHave
	}
	return havePause
}

// mentionAll mentions all logs of a conversation.
func (t *tell) mentionAll(c *conversation) {
	for _, l := range c.order {
		t.mention(l)
	}
}

// fire tells what is listed once its time has come.
func (t *tell) fire() {
	if t.due(t.at) {
		t.tell()
	}
}

// wakes returns when fire has something to do.
func (t *tell) wakes() time.Time { return t.at }

// goOn tells what has waited for room.
func (t *tell) goOn() {
	if len(t.listed) > 0 && t.at.IsZero() && t.pace.room() {
		t.tell()
	}
}

// tell sends a Have for what is listed, one frame or more for each conversation. What there is no
// room for stays listed, without a time.
func (t *tell) tell() {
	t.at = time.Time{}
	logs := slices.DeleteFunc(t.listed, func(l *log) bool {
		l.listed = false
		return !l.conv.live() || len(l.untold()) == 0 && !l.takesBack()
	})
	t.listed = nil
	slices.SortFunc(logs, compareLogs)
	for len(logs) > 0 && t.pace.room() {
		n, weight := 0, 0
		for n < len(logs) && n < wire.MaxLogs && logs[n].conv == logs[0].conv && weight < haveBytes {
			listing := logs[n].listing()
			weight += weighLog(&listing)
			n++
		}
		t.pace.say(t.have(logs[0].conv, logs[:n], 0), weight)
		logs = logs[n:]
	}
	for _, l := range logs {
		l.listed = true
	}
	t.listed = logs
}

// have makes a Have of logs of a conversation, which must be in order. It answers the run of that
// number, if it is not 0.
func (t *tell) have(c *conversation, logs []*log, answers uint64) wire.Frame {
	h := &wire.Have{Tag: c.ourTag, Store: t.store, Answers: answers}
	for _, l := range logs {
		h.Logs = append(h.Logs, l.listing())
		l.tell()
	}
	return wire.Frame{Have: h}
}
