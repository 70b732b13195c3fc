package people

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"unicode/utf8"
)

// Whether what others send is fetched by itself, up to a size.
const (
	FetchOn      = "on"
	FetchOff     = "off"
	FetchDefault = "default" // where the node runs in a desktop session
)

const (
	// DefaultKeep is up to which size own files are copied, unless the owner has set it; MaxKeep bounds
	// what they may set.
	DefaultKeep = 256 << 20
	MaxKeep     = 16 << 30

	// maxFolder bounds the path of a folder in bytes, as the systems do.
	maxFolder = 4 << 10
)

// Filing is what the owner has set of files and folders.
type Filing struct {
	Auto string // FetchOn, FetchOff or FetchDefault
	Dir  string // absolute path of the folder to which files are saved
	Keep uint64 // bytes: own files up to this size are copied
	Max  uint64 // bytes: larger ones of others can't be accepted; 0: no limit
}

// FilingChange has what is to be another; what is nil stays.
type FilingChange struct {
	Auto *string
	Dir  *string // "": the usual one
	Keep *uint64
	Max  *uint64
}

// readFiling makes of settings what they stand for. Of what a newer program may have set, nothing is
// fetched by itself.
func readFiling(values map[string]string) Filing {
	f := Filing{Auto: cmp.Or(values[settingFetch], FetchDefault), Dir: values[settingFolder], Keep: DefaultKeep}
	if !fetches(f.Auto) {
		f.Auto = FetchOff
	}
	if n, err := strconv.ParseUint(values[settingKeep], 10, 64); err == nil && n <= MaxKeep {
		f.Keep = n
	}
	f.Max, _ = strconv.ParseUint(values[settingMax], 10, 64) // where nothing is set there is no limit
	return f
}

func fetches(auto string) bool {
	return auto == FetchOn || auto == FetchOff || auto == FetchDefault
}

// Filing returns what the owner has set of files and folders.
func (o *Owner) Filing() Filing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.filed()
}

// filed is Filing for who holds mu.
func (o *Owner) filed() Filing {
	f := o.filing
	f.Dir = cmp.Or(f.Dir, o.cfg.Folder)
	return f
}

// SetFiling sets what is to be another, all of it or, if a value is not allowed, nothing.
func (o *Owner) SetFiling(ctx context.Context, to FilingChange) error {
	switch {
	case to.Auto != nil && !fetches(*to.Auto):
		return fmt.Errorf("%w: fetch files %q", ErrSetting, *to.Auto)
	case to.Dir != nil && *to.Dir != "" && (!filepath.IsAbs(*to.Dir) || len(*to.Dir) > maxFolder || !utf8.ValidString(*to.Dir)):
		return fmt.Errorf("%w: folder %q", ErrSetting, *to.Dir)
	case to.Keep != nil && *to.Keep > MaxKeep:
		return fmt.Errorf("%w: keep files up to %d bytes", ErrSetting, *to.Keep)
	}
	if to.Auto != nil {
		if err := o.set(ctx, settingFetch, *to.Auto, func() { o.filing.Auto = *to.Auto }); err != nil {
			return err
		}
	}
	if to.Dir != nil {
		dir := *to.Dir
		if dir != "" {
			dir = filepath.Clean(dir)
		}
		if err := o.set(ctx, settingFolder, dir, func() { o.filing.Dir = dir }); err != nil {
			return err
		}
	}
	if to.Keep != nil {
		if err := o.set(ctx, settingKeep, strconv.FormatUint(*to.Keep, 10), func() { o.filing.Keep = *to.Keep }); err != nil {
			return err
		}
	}
	if to.Max != nil {
		return o.set(ctx, settingMax, strconv.FormatUint(*to.Max, 10), func() { o.filing.Max = *to.Max })
	}
	return nil
}
