// Package doctor finds out for `earshot doctor` what only the command can: what is wrong where no node
// runs, and whether a node that runs is the program that is installed.
//
// Where none runs it opens nothing and starts nothing: the files of the directory are read as package
// store does for one who asks, and the machine is looked at as a running node does it. All checks are
// given as values of the local API, as a node gives them; words are in package advice.
//
// Beside `up` it is the only part of the command line that sees more than the client of the local
// API. Stopped takes as long as it takes to read the database, filesTime at most, and the checks of the
// machine. What can't be read is a check that has found something, and no error: errors are those of
// whoever is told.
package doctor

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/checks"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/system"
	"github.com/earshot-im/earshot/store"
)

// Names of the checks that are made here.
const (
	Node     = "node"     // whether one runs
	Program  = "program"  // whether it is the one that is installed
	Keyring  = "keyring"  // of a stopped node
	Database = "database" // of a stopped node
	Disk     = "disk"     // as node/checks has it: the directory can't be read
)

// Codes of these checks.
const (
	Stopped      = "stopped"       // node: there is none
	New          = "new"           // node: there has never been one
	NotAnswering = "not_answering" // node: a process has the directory, and can't be asked
	Old          = "old"           // program: another one runs

	Damaged         = "damaged"          // keyring, database
	Newer           = "newer"            // keyring, database: of a newer program
	Unreadable      = "unreadable"       // keyring, database, disk
	Unfinished      = "unfinished"       // database: too large to be read to its end; nothing is wrong so far
	Missing         = "missing"          // keyring
	Passphrase      = "passphrase"       // keyring: needed and not given
	WrongPassphrase = "wrong_passphrase" // keyring
	NotPrivate      = "not_private"      // keyring: others may read it, or what is around it
)

// machineTime bounds how long the machine is looked at: as long as a node that runs takes at most.
const machineTime = 20 * time.Second

// filesTime bounds how long a database is read that was not closed: all of it has to be.
const filesTime = 15 * time.Second

// Examiner examines the directory of a node.
type Examiner struct {
	Dir        string
	Passphrase []byte // of a protected node; empty: none was given
	Tell       func(*earshotv1.Check) error
}

// Alone examines a directory in which no node answers, and the machine.
func (e *Examiner) Alone(ctx context.Context) error {
	said, port := e.files(ctx)
	for _, c := range said {
		if err := e.Tell(c); err != nil {
			return err
		}
	}
	return e.machine(ctx, port, slices.ContainsFunc(said, func(c *earshotv1.Check) bool { return c.Code == New || c.Check == Disk }))
}

// machine makes the checks of the machine for a node that is to listen on a port, but those of the disk
// if the directory is not there to be written, or was told to be of no use.
func (e *Examiner) machine(ctx context.Context, port uint16, nowhere bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, machineTime)
	defer cancel()
	var mu sync.Mutex
	system.Machine{Dir: e.Dir}.Look(ctx, system.Plan{Networks: discovery.ReadNetwork(), Port: port}, func(all ...checks.Check) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range all {
			if err == nil && !(nowhere && c.Check == Disk) {
				err = e.Tell(view.Check(c))
			}
		}
	})
	return err
}

// files says whether a node has the directory, how its files are, and on which port a node is to
// listen by them; 0 if that is not known.
func (e *Examiner) files(ctx context.Context) ([]*earshotv1.Check, uint16) {
	ctx, cancel := context.WithTimeout(ctx, filesTime)
	defer cancel()
	x, err := store.Examine(ctx, e.Dir, e.Passphrase, node.PortSettings...)
	return e.judge(x, err), node.WantedPort(x.Settings)
}

// judge says what an examination has found.
func (e *Examiner) judge(x store.Examination, err error) []*earshotv1.Check {
	var locked *store.LockedError
	switch {
	case errors.As(err, &locked) && slices.Contains(x.Exposed, e.Dir): // so nobody may ask it, and nothing else is wrong with it
		running := &earshotv1.Check{Check: Node, Ok: true, Values: &earshotv1.Values{Pid: uint32(max(0, locked.PID))}}
		return append([]*earshotv1.Check{running}, exposed(x)...)
	case errors.As(err, &locked):
		silent := &earshotv1.Check{Check: Node, Code: NotAnswering, About: e.Dir, Values: &earshotv1.Values{Pid: uint32(max(0, locked.PID))}}
		return append([]*earshotv1.Check{silent}, exposed(x)...)
	case errors.Is(err, store.ErrNotPrivate):
		return []*earshotv1.Check{{Check: Keyring, Code: NotPrivate, About: e.Dir, Detail: err.Error()}}
	case err != nil: // so it can't be known whether a node runs
		return []*earshotv1.Check{{Check: Disk, Code: Unreadable, About: e.Dir, Detail: err.Error()}}
	case x.New:
		return []*earshotv1.Check{{Check: Node, Code: New, About: e.Dir}}
	}
	out := append([]*earshotv1.Check{{Check: Node, Code: Stopped}}, exposed(x)...)
	if len(x.Exposed) == 0 || x.Keyring != nil {
		out = append(out, ofKeyring(e.Dir, x.Keyring))
	}
	return append(out, ofDatabase(e.Dir, x.Database))
}

// exposed says what others may read: the directory, or else a file in it.
func exposed(x store.Examination) []*earshotv1.Check {
	if len(x.Exposed) == 0 {
		return nil
	}
	return []*earshotv1.Check{{Check: Keyring, Code: NotPrivate, About: x.Exposed[0]}}
}

func ofKeyring(dir string, err error) *earshotv1.Check {
	c := &earshotv1.Check{Check: Keyring, About: store.KeyringFile(dir), Detail: text(err)}
	switch {
	case err == nil:
		return fine(c)
	case errors.Is(err, store.ErrNoKeyring):
		c.Code = Missing
	case errors.Is(err, crypto.ErrPassphraseNeeded):
		c.Code = Passphrase
	case errors.Is(err, crypto.ErrWrongPassphrase):
		c.Code = WrongPassphrase
	case errors.Is(err, store.ErrNewer):
		c.Code = Newer
	case errors.Is(err, crypto.ErrDamaged):
		c.Code = Damaged
	case errors.Is(err, store.ErrNotPrivate):
		c.Code = NotPrivate
	default:
		c.Code = Unreadable
	}
	return c
}

func ofDatabase(dir string, err error) *earshotv1.Check {
	c := &earshotv1.Check{Check: Database, About: store.DatabaseFile(dir), Detail: text(err)}
	switch {
	case err == nil:
		return fine(c)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		c.Code, c.Detail, c.Ok = Unfinished, "", true
	case errors.Is(err, store.ErrNewer):
		c.Code = Newer
	case errors.Is(err, store.ErrDamaged) && !errors.Is(err, fs.ErrPermission):
		c.Code = Damaged
	default:
		c.Code = Unreadable
	}
	return c
}

// fine is a check that has found nothing.
func fine(c *earshotv1.Check) *earshotv1.Check {
	c.Ok, c.About = true, ""
	return c
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
