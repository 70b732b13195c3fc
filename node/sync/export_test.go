package sync

// WindowRuns is a limit that only tests need from outside.
const WindowRuns = windowRuns

// Idle reports whether nothing is queued, under way or unanswered, and what is if not.
func (s *Session) Idle() (bool, []int) {
	t := &s.take
	queues := []int{len(s.push.ready), s.push.loads, len(s.push.window.flights), s.push.window.weight, len(s.push.delayed), len(s.tell.listed),
		len(t.pending), t.runs, t.bytes, t.records, t.kept, t.keptBytes, len(s.cards.wanted), len(s.welcomes.expecting)}
	queues = append(queues, len(s.offers.queue), len(s.control.queue), len(s.records.queue))
	for _, c := range s.byID {
		queues = append(queues, len(c.control.waiting), c.answer.logs)
	}
	for _, n := range queues {
		if n != 0 {
			return false, queues
		}
	}
	return true, queues
}

// Delayed counts the pauses that run.
func (s *Session) Delayed() int { return len(s.push.delayed) }

// SetPace has a session say only about so many bytes until Drained.
func (s *Session) SetPace(bytes int) { s.pace.limit = bytes }

// Open reports whether both have offered the conversation that this side calls tag.
func (s *Session) Open(tag []byte) bool {
	for _, c := range s.byID {
		if string(c.ourTag) == string(tag) {
			return c.open
		}
	}
	return false
}

// Remembered counts what is held only because the peer said so, as it is and not as it was booked.
// What Weight adds up must be booked right as well.
func (s *Session) Remembered() int {
	kept, n, hashes, waits := 0, 0, 0, 0
	for _, o := range s.offers.kept {
		kept += sizeOf(o)
	}
	for _, p := range s.take.pending {
		if p.waits != forShell {
			waits += p.weightInMemory()
		}
	}
	for _, c := range s.byID {
		hashes += len(c.control.known)
		if len(c.order) != len(c.logs) {
			panic("logs are listed wrong")
		}
		for _, l := range c.logs {
			if len(l.ours) == 0 {
				n += len(l.peers)
			}
		}
		for _, r := range c.records.known {
			if r.ours == nil {
				n++
			}
		}
	}
	if n != s.claims.count || kept != s.offers.size {
		panic("claims are booked wrong")
	}
	if s.pictured != s.Logs() || hashes != s.control.remembered || waits != s.take.keptWeight {
		panic("the weight is booked wrong")
	}
	return n + kept
}

// Logs returns how many logs have pictures.
func (s *Session) Logs() (n int) {
	for _, c := range s.byID {
		n += len(c.logs)
	}
	return n
}

// Unanswered returns how much of the window is in use, in bytes.
func (s *Session) Unanswered() int { return s.push.window.weight }
