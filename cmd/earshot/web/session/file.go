package session

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

const (
	// fileName is what is kept from one start of the node to the next, in its directory; store/FORMAT.md has
	// its format. It is written beside it and renamed.
	fileName = "web"
	fileMode = 0o600

	// maxFile bounds it, in bytes: MaxSessions of them have less.
	maxFile = 8 << 10

	fileHead = "earshot web 1"

	// labelBytes is how many random bytes the label of the address has: nobody guesses it, and it is short
	// enough to be typed.
	labelBytes = 10

	// maxBrowser bounds what is kept of how a browser calls itself.
	maxBrowser = 40

	// minPort is the lowest port that may be kept: lower ones need rights. MaxPort is the highest: systems give
	// higher ones to outgoing connections.
	minPort = 1024
	MaxPort = 32767
)

// ErrFile: what is kept can't be read. OpenWeb with a new address writes it anew.
var ErrFile = errors.New("the file is not as earshot writes it")

// Kept is what is in the file.
type Kept struct {
	Label    string // of the address; "": none yet
	Port     int    // 0: none yet
	Anybody  bool   // programs of other users may connect
	sessions []session
}

// session is a browser that may use the page, as it is kept. Neither its secret nor its cookie are.
type session struct {
	key         [KeyBytes]byte // of its secret
	cookie      [KeyBytes]byte // of its cookie
	begun, used int64          // Unix time in seconds
	browser     string
}

var base32Small = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// format is the text of the file: there is one for each content.
func (k *Kept) format() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nlabel %s\nport %d\nany-local-user %t\n", fileHead, k.Label, k.Port, k.Anybody)
	for _, s := range k.sessions {
		fmt.Fprintf(&b, "session %x %x %d %d %s\n", s.key, s.cookie, s.begun, s.used, s.browser)
	}
	return []byte(b.String())
}

// parse reads the text of the file. What format would not write is refused.
func parse(text []byte) (k Kept, err error) {
	if len(text) > maxFile {
		return Kept{}, fmt.Errorf("%w: it has more than %d bytes", ErrFile, maxFile)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 5 {
		return Kept{}, ErrFile
	}
	k.Label = strings.TrimPrefix(lines[1], "label ")
	k.Port, _ = strconv.Atoi(strings.TrimPrefix(lines[2], "port "))
	k.Anybody = lines[3] == "any-local-user true"
	for _, line := range lines[4 : len(lines)-1] {
		words := strings.SplitN(line, " ", 6)
		if len(words) != 6 {
			return Kept{}, ErrFile
		}
		s := session{browser: words[5]}
		key, _ := hex.DecodeString(words[1])
		cookie, _ := hex.DecodeString(words[2])
		copy(s.key[:], key)
		copy(s.cookie[:], cookie)
		s.begun, _ = strconv.ParseInt(words[3], 10, 64)
		s.used, _ = strconv.ParseInt(words[4], 10, 64)
		if s.browser != plainBrowser(s.browser) {
			return Kept{}, ErrFile
		}
		k.sessions = append(k.sessions, s)
	}
	label, err := base32Small.DecodeString(k.Label)
	switch {
	case err != nil || len(label) != labelBytes,
		k.Port < minPort || k.Port > MaxPort,
		len(k.sessions) > MaxSessions,
		string(k.format()) != string(text): // whatever was left out or read in another way
		return Kept{}, ErrFile
	}
	return k, nil
}

// Load reads the file of a directory. Where there is none, nothing is kept.
func Load(dir string) (Kept, error) {
	path := filepath.Join(dir, fileName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Kept{}, nil
	}
	if err != nil {
		return Kept{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Kept{}, err
	}
	k, err := parse(text)
	if err != nil {
		return Kept{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// save writes the file, whole or not at all. Where nothing is kept there is none.
func (k *Kept) save(dir string) error {
	path := filepath.Join(dir, fileName)
	if k.Label == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return syncDir(dir)
	}
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(k.format())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes durable which files a directory has. Windows sees to that by itself, and can't be told to.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
