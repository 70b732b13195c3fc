package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	// tagged is what git describe says of a commit at or after a tag, as v1.2.0-rc.1-5-g2a9cd17-dirty.
	tagged = regexp.MustCompile(`^v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+?))??(?:-(\d+)-g([0-9a-f]+))?(-dirty)?$`)
	// untagged is what it says where there is no tag: a commit.
	untagged = regexp.MustCompile(`^([0-9a-f]{7,40})(-dirty)?$`)
)

// packageVersion makes of what git describe says a version that both dpkg and rpm take, and that they
// sort as people expect: before 1.0.0 what leads to it (~), after it what was built on top of it (+),
// and commits before the first tag by their time, before every tag. It has no hyphen, which both
// read as the end of the version.
func packageVersion(described string, when time.Time) (string, error) {
	// A hash may have digits only, which could be a tag too: "1234567" is taken for a hash.
	if m := untagged.FindStringSubmatch(described); m != nil {
		return "0~" + when.UTC().Format("20060102.150405") + "." + m[1] + dirty(m[2]), nil
	}
	m := tagged.FindStringSubmatch(described)
	if m == nil {
		return "", fmt.Errorf("version %q: it must be as v1.2.0, v1.2.0-rc.1 or what git describe makes of them", described)
	}
	version := m[1]
	if m[2] != "" {
		version += "~" + strings.ReplaceAll(m[2], "-", ".")
	}
	if m[3] != "" {
		version += "+" + m[3] + ".g" + m[4]
	}
	return version + dirty(m[5]), nil
}

func dirty(suffix string) string { return strings.Replace(suffix, "-", "+", 1) }
