package web

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// fileName is what is kept from one start of the node to the next, in its directory; store/FORMAT.md has
	// its format. It is written beside it and renamed.
	fileName = "web"
	fileMode = 0o600

	// maxFile bounds it, in bytes: maxSessions of them have less.
	maxFile = 8 << 10

	fileHead = "earshot web 1"

	// labelBytes is how many random bytes the label of the address has: nobody guesses it, and it is short
	// enough to be typed.
	labelBytes = 10

	// maxBrowser bounds what is kept of how a browser calls itself.
	maxBrowser = 40

	// minPort is the lowest port that may be kept: lower ones need rights.
	minPort = 1024
)

// errFile: what is kept can't be read. OpenWeb with a new address writes it anew.
var errFile = errors.New("the file is not as earshot writes it")

// kept is what is in the file.
type kept struct {
	label    string // "": none yet
	port     int    // 0: none yet
	anybody  bool   // programs of other users may connect
	sessions []session
}

// session is a browser that may use the page, as it is kept. Neither its secret nor its cookie are.
type session struct {
	key         [keyBytes]byte // of its secret
	cookie      [keyBytes]byte // of its cookie
	begun, used int64          // Unix time in seconds
	browser     string
}

var base32Small = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// format is the text of the file: there is one for each content.
func (k *kept) format() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nlabel %s\nport %d\nany-local-user %t\n", fileHead, k.label, k.port, k.anybody)
	for _, s := range k.sessions {
		fmt.Fprintf(&b, "session %x %x %d %d %s\n", s.key, s.cookie, s.begun, s.used, s.browser)
	}
	return []byte(b.String())
}

// parse reads the text of the file. What format would not write is refused.
func parse(text []byte) (k kept, err error) {
	if len(text) > maxFile {
		return kept{}, fmt.Errorf("%w: it has more than %d bytes", errFile, maxFile)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 5 {
		return kept{}, errFile
	}
	k.label = strings.TrimPrefix(lines[1], "label ")
	k.port, _ = strconv.Atoi(strings.TrimPrefix(lines[2], "port "))
	k.anybody = lines[3] == "any-local-user true"
	for _, line := range lines[4 : len(lines)-1] {
		words := strings.SplitN(line, " ", 6)
		if len(words) != 6 {
			return kept{}, errFile
		}
		s := session{browser: words[5]}
		key, _ := hex.DecodeString(words[1])
		cookie, _ := hex.DecodeString(words[2])
		copy(s.key[:], key)
		copy(s.cookie[:], cookie)
		s.begun, _ = strconv.ParseInt(words[3], 10, 64)
		s.used, _ = strconv.ParseInt(words[4], 10, 64)
		if s.browser != plainBrowser(s.browser) {
			return kept{}, errFile
		}
		k.sessions = append(k.sessions, s)
	}
	label, err := base32Small.DecodeString(k.label)
	switch {
	case err != nil || len(label) != labelBytes,
		k.port < minPort || k.port > maxPort,
		len(k.sessions) > maxSessions,
		string(k.format()) != string(text): // whatever was left out or read in another way
		return kept{}, errFile
	}
	return k, nil
}

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

// load reads the file of a directory. Where there is none, nothing is kept.
func load(dir string) (kept, error) {
	path := filepath.Join(dir, fileName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return kept{}, err
	}
	k, err := parse(text)
	if err != nil {
		return kept{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// save writes the file, whole or not at all.
func (k *kept) save(dir string) error {
	path := filepath.Join(dir, fileName)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(k.format())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	return err
}

// alive are the sessions that have not ended by themselves: those that were used last come first.
func (k *kept) alive(now time.Time) []session {
	some := slices.DeleteFunc(slices.Clone(k.sessions), func(s session) bool {
		return now.Sub(time.Unix(s.used, 0)) > sessionRest
	})
	slices.SortStableFunc(some, func(a, b session) int { return int(min(max(b.used-a.used, -1), 1)) })
	return some
}
