package session

import "strings"

// plainBrowser returns what can be kept of the name of a browser: letters, digits and signs that are in such
// names.
func plainBrowser(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, name)
	name = strings.TrimSpace(name[:min(len(name), maxBrowser)])
	if name == "" {
		return "a browser"
	}
	return name
}

// browserOf makes a short name for a browser of what it says of itself. It is shown to the owner, and
// nothing is decided by it.
func browserOf(agent string) string {
	name, system := "a browser", ""
	for _, b := range [][2]string{ // those that claim to be another one come first
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"Firefox/", "Firefox"}, {"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(agent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, s := range [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"CrOS", "ChromeOS"},
		{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s[0]) {
			system = " on " + s[1]
			break
		}
	}
	return name + system
}
