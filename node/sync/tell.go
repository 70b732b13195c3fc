package sync

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// mention sees to it that the peer soon learns what is here of l, unless the runs
// that are pushed at once tell it. A peer that pushes only what it writes need not know.
func (s *Session) mention(l *log) {
	if l.listed || !l.conv.live() || !l.conv.follow {
		return
	}
	untold := l.untold()
	if l.queued || l.loading != 0 {
		untold = untold.Subtract(l.lacks())
	}
	if len(untold) == 0 {
		return
	}
	l.listed = true
	s.untold = append(s.untold, l)
	if s.haveAt.IsZero() {
		s.haveAt = s.now.Add(havePause)
	}
}

// tell sends Have for what is still untold, a frame or more for each conversation. What there is no room for stays
// untold, without a time.
func (s *Session) tell() {
	s.haveAt = time.Time{}
	logs := slices.DeleteFunc(s.untold, func(l *log) bool {
		l.listed = false
		return !l.conv.live() || len(l.untold()) == 0
	})
	s.untold = nil
	slices.SortFunc(logs, compareLogs)
	for len(logs) > 0 && s.room() {
		n, weight := 0, 0
		for n < len(logs) && n < wire.MaxLogs && logs[n].conv == logs[0].conv && weight < haveBytes {
			here := logs[n].listing()
			weight += weighLog(&here)
			n++
		}
		s.sendHave(logs[0].conv, logs[:n], 0)
		s.pacing.sent += weight
		logs = logs[n:]
	}
	for _, l := range logs {
		l.listed = true
	}
	s.untold = logs
}

// sendHave says what is here of logs of a conversation, in order, and answers the run of that number, if it is not 0.
func (s *Session) sendHave(c *conversation, logs []*log, answers uint64) {
	h := &wire.Have{Tag: c.ourTag, Store: s.store, Answers: answers}
	for _, l := range logs {
		h.Logs = append(h.Logs, l.listing())
		l.tell()
	}
	s.send(wire.Frame{Have: h})
}
