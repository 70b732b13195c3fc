package directory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
)

const (
	lockName    = "lock"
	keyringName = "keyring"
)

// Directory is an open data directory.
type Directory struct {
	Keyring  crypto.Keyring // without the recovery key, see Recovery
	New      bool           // this opening has made the keyring
	Engine   *engine.Engine
	lock     *os.File
	files    disk.Files
	identity disk.Identity
	dir      string
	space    func(dir string) (s disk.Space, known bool)

	passphrase []byte                          // of the keyring, if it is protected
	recovery   atomic.Pointer[crypto.Recovery] // nil: it is not kept
	rewriting  sync.Mutex                      // held by whoever writes the keyring
}

// Config says what to open.
type Config struct {
	Dir        string
	Passphrase []byte    // of the keyring; empty for one without protection
	Rand       io.Reader // what a new person is made from
	Log        *slog.Logger

	// Ascending are buckets whose keys mostly ascend.
	Ascending []string

	// IdentityBucket and IdentityKey say where in the database its owner keeps the identity of the
	// file that it is in. Compacting moves the database into another file, and corrects that.
	IdentityBucket string
	IdentityKey    []byte

	// Files, Commit and JournalBytes replace how files are written, and how large the journal is, in tests; see
	// engine.Config.
	Files        disk.Files
	Commit       func(name string, f func() error) error
	JournalBytes int64

	// Identify replaces disk.IdentityOf in tests.
	Identify func(path string) (disk.Identity, error)

	// Space replaces what the system says of the file system, in tests.
	Space func(dir string) (s disk.Space, known bool)
}

func (c *Config) fill() {
	if c.Files == nil {
		c.Files = disk.Dir(c.Dir)
	}
	if c.Identify == nil {
		c.Identify = disk.IdentityOf
	}
	if c.Space == nil {
		c.Space = disk.SpaceOf
	}
}

// engine returns what the engine is opened with.
func (c *Config) engine() engine.Config {
	return engine.Config{
		Dir: c.Dir, Files: c.Files, Log: c.Log, Ascending: c.Ascending,
		PlaceBucket: c.IdentityBucket, PlaceKey: c.IdentityKey, Moved: c.moved,
		Commit: c.Commit, JournalBytes: c.JournalBytes,
	}
}

// Open opens the directory, and makes what is not there yet. If the database is empty, the caller
// fills it.
func Open(cfg Config) (*Directory, error) {
	cfg.fill()
	d, err := open(cfg)
	return d, disk.AsFull(err)
}

func open(cfg Config) (*Directory, error) {
	if err := disk.MakePrivate(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	held, err := disk.Lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, err
	}
	d := &Directory{lock: held, files: cfg.Files, dir: cfg.Dir, space: cfg.Space, passphrase: cfg.Passphrase}
	if err := d.open(cfg); err != nil {
		held.Close()
		return nil, err
	}
	return d, nil
}

func (d *Directory) open(cfg Config) error {
	if err := errors.Join(disk.RemoveTemporary(cfg.Files, keyringName), disk.RemoveTemporary(cfg.Files, engine.Database)); err != nil {
		return fmt.Errorf("remove what a crash left: %w", err)
	}
	gone, err := engine.Gone(cfg.Files)
	if err != nil {
		return err
	}
	d.Keyring, err = openKeyring(cfg.Files, cfg.Passphrase)
	switch {
	case err == nil && gone:
		// No crash leaves this: the database is made before the keyring.
		return errNoDatabase(DatabaseFile(cfg.Dir))
	case errors.Is(err, disk.ErrNoKeyring):
		if err := begun(cfg, gone); err != nil {
			return err
		}
		if d.Keyring, err = begin(cfg); err != nil {
			return err
		}
		d.New = true
	case err != nil:
		return err
	}
	d.recovery.Store(d.Keyring.Recovery)
	d.Keyring.Recovery = nil
	if d.Engine, err = engine.Open(cfg.engine()); err != nil {
		return err
	}
	if d.identity, err = cfg.Identify(DatabaseFile(cfg.Dir)); err != nil {
		return errors.Join(err, d.Engine.Close())
	}
	return nil
}

// errNoDatabase says that a keyring is there without its database.
func errNoDatabase(path string) error {
	return disk.Damaged("%s is gone or empty, its keyring is there; to begin anew as somebody else, remove that too", path)
}

// begun refuses a database without a keyring, unless nothing was ever written to it: then the first start
// was cut off.
func begun(cfg Config, gone bool) error {
	if gone {
		return nil
	}
	blank, err := engine.Blank(cfg.engine())
	if err == nil && blank {
		return nil
	}
	missing := fmt.Errorf("%w: %s is there, %s is not", disk.ErrNoKeyring, DatabaseFile(cfg.Dir), KeyringFile(cfg.Dir))
	if err != nil {
		return fmt.Errorf("%w; %w", missing, err)
	}
	return missing
}

// openKeyring reads the keyring, or returns disk.ErrNoKeyring.
func openKeyring(files disk.Files, passphrase []byte) (crypto.Keyring, error) {
	b, err := disk.ReadFile(files, keyringName, crypto.MaxKeyring)
	if errors.Is(err, fs.ErrNotExist) {
		return crypto.Keyring{}, disk.ErrNoKeyring
	}
	if err != nil {
		return crypto.Keyring{}, fmt.Errorf("read keyring: %w", err)
	}
	return parseKeyring(b, passphrase)
}

func parseKeyring(b, passphrase []byte) (crypto.Keyring, error) {
	k, err := crypto.ParseKeyring(b, passphrase)
	if errors.Is(err, crypto.ErrNewer) {
		err = fmt.Errorf("%w: %w", disk.ErrNewer, err)
	}
	return k, err
}

// begin makes a database with nothing in it and then the keyring of a new person. If it crashes
// between the two, the next start takes the directory for an empty one.
func begin(cfg Config) (crypto.Keyring, error) {
	if err := engine.Create(cfg.engine()); err != nil {
		return crypto.Keyring{}, err
	}
	k, err := newKeyring(cfg.Rand)
	if err != nil {
		return crypto.Keyring{}, err
	}
	b, err := k.Marshal(cfg.Passphrase)
	if err != nil {
		return crypto.Keyring{}, err
	}
	if err := disk.WriteFile(cfg.Files, keyringName, b); err != nil {
		return crypto.Keyring{}, fmt.Errorf("write keyring: %w", err)
	}
	return k, nil
}

// newKeyring makes a person with one device.
func newKeyring(random io.Reader) (crypto.Keyring, error) {
	key, err := crypto.NewDeviceKey(random)
	if err != nil {
		return crypto.Keyring{}, err
	}
	card, recovery, err := crypto.NewPerson(random, key)
	if err != nil {
		return crypto.Keyring{}, err
	}
	return crypto.NewKeyring(random, key, card, &recovery)
}

// Identity returns the identity of the database file.
func (d *Directory) Identity() disk.Identity { return d.identity }

// Room returns nil if there is room for what others write, else disk.ErrFull.
func (d *Directory) Room() error { return disk.Room(d.space(d.dir)) }

// Free returns how many bytes of the file system others may still fill, and whether that is known.
func (d *Directory) Free() (n uint64, known bool) {
	space, known := d.space(d.dir)
	return space.Free - min(space.Free, space.Kept()), known
}

// Close lets go of the directory. All transactions must have ended.
func (d *Directory) Close() error { return errors.Join(d.Engine.Close(), d.lock.Close()) }

// moved corrects the identity that is kept in a database that got another file. If the database knew
// itself to be in the old one, it now knows the new one. If it was copied and has not noticed that yet,
// the identity stays as it is, so that it will.
func (c *Config) moved(kept []byte, oldPath, newPath string) ([]byte, error) {
	old, err := c.Identify(oldPath)
	if err != nil {
		return nil, err
	}
	now, err := c.Identify(newPath)
	if err != nil || !disk.Identity(kept).Same(old) {
		return nil, err
	}
	return now, nil
}
