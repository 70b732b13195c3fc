// Package passphrase reads the passphrase of a protected node from where its user says that it is: a
// file, or the environment.
//
// It keeps nothing, and writes the passphrase nowhere. A file is read up to a bound. Commands that open
// a directory themselves use it: `up`, and `doctor` where no node runs; and `service install`, which
// checks it. Its errors are problems, which say what to do.
package passphrase

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
)

// longest bounds what is read from the file, in bytes.
const longest = 4096

// Read returns the passphrase in a file or, where none is named, in EARSHOT_PASSPHRASE; empty if there
// is none.
func Read(file string) ([]byte, error) {
	if file == "" {
		return []byte(os.Getenv("EARSHOT_PASSPHRASE")), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, problem.Failed(problem.CodeInput, "read the passphrase: %v", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longest+1))
	switch {
	case err != nil:
		return nil, problem.Failed(problem.CodeInput, "read the passphrase: %v", err)
	case len(b) > longest:
		return nil, problem.Failed(problem.CodePassphrase, "the passphrase is longer than %d bytes", longest)
	}
	secret := bytes.TrimRight(b, "\r\n")
	if len(secret) == 0 { // which would mean that there is none, and a new node would not be protected
		return nil, problem.Failed(problem.CodePassphrase, "the passphrase file %s is empty", file)
	}
	return secret, nil
}

// Check fails if a directory is protected, and a service would not have its passphrase, which it reads
// from a file, if any: a node that runs would be stopped for one that can't start. What else is wrong
// the node says itself.
func Check(dir, file string) error {
	var secret []byte
	if file != "" {
		var err error
		if secret, err = Read(file); err != nil {
			return err
		}
	}
	keyring, err := os.ReadFile(store.KeyringFile(dir))
	if err != nil {
		return nil // as before the first start
	}
	var p *problem.Problem
	switch _, err := crypto.ParseKeyring(keyring, secret); {
	case errors.Is(err, crypto.ErrPassphraseNeeded):
		p = problem.Failed(problem.CodePassphrase, "this node is protected by a passphrase")
	case errors.Is(err, crypto.ErrWrongPassphrase):
		p = problem.Failed(problem.CodePassphrase, "wrong passphrase")
	default:
		return nil
	}
	p.Hint = "give it with --passphrase-file FILE, which the service reads at each start; nothing was changed"
	return p
}
