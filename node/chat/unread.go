package chat

// CountUnread returns how many messages of others are unread, but for those of blocked persons. It counts what
// each person has said, not the messages.
func (m *Messages) CountUnread() (int, error) {
	n, err := m.cfg.Store.CountUnread(m.wants(filter{}))
	return n, asOurs(err)
}
