package journal

// drafts is what a reader knows of drafts that are set. It is no part of the cursor.
type drafts struct {
	wanted bool
	seen   uint64          // the count of Config.Drafted up to which they were told
	now    uint64          // the count before the reader looked last
	more   <-chan struct{} // closed when there may be more; nil if they are not wanted
}

// begin has them told from now on.
func (d *drafts) begin(cfg *Config, wanted bool) {
	if d.wanted = wanted; wanted {
		d.seen, _ = cfg.Drafted.Now()
	}
}

// watch is called before the reader looks.
func (d *drafts) watch(cfg *Config) {
	if d.wanted {
		d.now, d.more = cfg.Drafted.Now()
	}
}

// look adds drafts that were set since it looked last, as many as a batch may have.
func (d *drafts) look(cfg *Config, b *Batch) error {
	if d.now == d.seen {
		return nil
	}
	changes, seen, err := cfg.Conversations.Drafted(d.seen, maxReleased)
	if err != nil {
		return err
	}
	d.seen = seen
	for i := range changes {
		b.Changes = append(b.Changes, Change{Kind: Draft, Draft: &changes[i]})
	}
	return nil
}
