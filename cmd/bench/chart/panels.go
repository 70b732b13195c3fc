package chart

// What a bar is of.
const (
	us    = "us"    // earshot
	other = "other" // what else somebody could use
	least = "least" // what the machine allows: a program that does the least
)

// panel is one part of the picture: one question, asked of many. It says what a figure means.
type panel struct {
	workload string
	title    string
	means    string // of a figure
	unit     string // stands behind each figure
	more     bool   // is better
	bars     []bar
}

// bar is the figure of one peer.
type bar struct {
	kind, name   string
	peer, metric string
	unit         float64 // what the figure is multiplied by, to be in the unit of the panel
}

const (
	millis  = 1e-3 // of what was measured in microseconds
	already = 1    // in the unit of the panel
)

// panels are all parts of the picture, in their order.
var panels = []panel{
	{"W1", "One message at a time", "until its writer knows that it has arrived, median", " ms", false, []bar{
		{us, "earshot", "earshot", "p50_us", millis},
		{least, "least, on both disks", "floor", "p50_us", millis},
		{other, "NATS, synced", "nats-js-always", "p50_us", millis},
		{other, "NATS", "nats-js-default", "p50_us", millis},
		{other, "mosquitto, QoS 2", "mosquitto-qos2", "p50_us", millis},
		{other, "Prosody", "prosody", "p50_us", millis},
		{other, "Tox", "tox-api", "p50_us", millis},
	}},
	{"W2", "20,000 messages at once", "messages a second", "/s", true, []bar{
		{us, "earshot", "earshot", "msgs_per_s", already},
		{least, "least, on both disks", "floor", "msgs_per_s", already},
		{other, "NATS, synced", "nats-js-always", "msgs_per_s", already},
		{other, "NATS", "nats-js-default", "msgs_per_s", already},
		{other, "mosquitto, QoS 2", "mosquitto-qos2", "msgs_per_s", already},
		{other, "Prosody", "prosody", "msgs_per_s", already},
		{other, "Tox", "tox-api", "msgs_per_s", already},
	}},
	{"W3", "A file of 1 GiB", "a second, nothing waits for a disk", " MB/s", true, []bar{
		{us, "earshot", "earshot", "memory_file_mb_per_s", already},
		{least, "TCP alone", "raw-tcp", "mb_per_s", already},
		{least, "libp2p alone", "libp2p-tls", "mb_per_s", already},
		{other, "scp", "ssh", "memory_file_mb_per_s", already},
		{other, "magic-wormhole", "wormhole", "mb_per_s", already},
		{other, "Tox", "tox-1ms", "mb_per_s", already},
	}},
	{"W4", "One message to 50 readers", "until the last of them has it, median", " ms", false, []bar{
		{us, "earshot", "earshot", "to50_p50_us", millis},
		{least, "least, all check it", "floor", "to50_p50_us", millis},
		{least, "libp2p alone", "libp2p-direct", "to50_p50_us", millis},
		{other, "gossipsub", "libp2p-gossip", "to50_p50_us", millis},
		{other, "NATS", "nats-js-default", "to50_p50_us", millis},
		{other, "mosquitto, QoS 2", "mosquitto-qos2", "to50_p50_us", millis},
		{other, "Prosody", "prosody", "to50_p50_us", millis},
		{other, "ngircd", "ngircd", "to50_p50_us", millis},
	}},
	{"W5", "10,000 messages wait", "from the start of their reader until it has all", " ms", false, []bar{
		{us, "earshot", "earshot", "ms", already},
		{least, "least, on both disks", "floor", "ms", already},
		{other, "NATS", "nats-js-default", "ms", already},
		{other, "NATS, synced", "nats-js-always", "ms", already},
		{other, "mosquitto, QoS 2", "mosquitto-qos2", "ms", already},
		{other, "Prosody", "prosody", "ms", already},
	}},
	{"W6", "Nothing happens", "memory; of those with a server, the server's alone", " MiB", false, []bar{
		{us, "earshot", "earshot", "rss_mib", already},
		{least, "a link, a database", "floor", "rss_mib", already},
		{least, "libp2p, gossip, mDNS", "libp2p-floor", "rss_mib", already},
		{other, "NATS", "nats-js-default", "rss_mib", already},
		{other, "mosquitto", "mosquitto-qos2", "rss_mib", already},
		{other, "Prosody", "prosody", "rss_mib", already},
		{other, "ngircd", "ngircd", "rss_mib", already},
		{other, "Tox", "tox-api", "rss_mib", already},
	}},
	{"W7", "1,000,000 messages: the last 50", "until those of one conversation are there, median", " ms", false, []bar{
		{us, "earshot", "earshot", "large_last50_ms", already},
		{least, "bbolt, as a library", "bbolt", "last50_p50_us", millis},
		{other, "SQLite, as a library", "sqlite-fts5", "last50_p50_us", millis},
	}},
	{"W7", "1,000,000 messages: a search", "until it is found, or clear that it isn't there; median", " ms", false, []bar{
		{us, "earshot, in many", "earshot", "search_common_ms", already},
		{us, "earshot, in none", "earshot", "search_missing_ms", already},
		{least, "bbolt, reading all", "bbolt-scan", "search_p50_us", millis},
		{other, "SQLite FTS5, in one", "sqlite-fts5", "search_p50_us", millis},
	}},
}
