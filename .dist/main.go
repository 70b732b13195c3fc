// Command dist makes what people install: packages for Debian's and Red Hat's families, archives for
// Linux, macOS and Windows, a list of the modules in them (an SBOM), and the checksums of all that.
// `make dist` runs it.
//
// It is a module of its own, since what makes packages brings dozens of modules that the program
// needs nothing of. It builds the program from the module above it with the version of Go that
// runs it, and takes man pages and completions from a second program (see manual.go of cmd/earshot).
//
// Everything is the same to the byte whoever makes it, wherever and whenever: nothing but the
// source, the version and SOURCE_DATE_EPOCH (otherwise the time of the last commit) gets into it.
// It reads git, and writes to the folder that -out names and to a temporary one.
//
// What fails ends it, and then no checksums are written: an incomplete folder can't be taken for a
// complete one.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is a system that programs are built for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "-" + t.arch }

// targets are all of them. Packages are made for those of Linux.
var targets = []target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}

// release is what is made, and from what.
type release struct {
	source  string // the folder of the program's module
	out     string
	staging string // what goes into archives and packages
	version string // as the program says it
	when    time.Time
	targets []target
}

func main() {
	version := flag.String("version", "", "`VERSION` of the program (default: what git describe says)")
	out := flag.String("out", "../dist", "`FOLDER` to write to; what is in it is removed")
	only := flag.String("only", "", "`SYSTEM` to build for, as linux-amd64 (default: all)")
	flag.Parse()
	if err := run(*version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(version, out, only string) error {
	r := release{source: "..", targets: targets}
	if only != "" {
		r.targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.String() != only })
		if len(r.targets) == 0 {
			return fmt.Errorf("%q is none of %v", only, targets)
		}
	}
	var err error
	if r.version = version; version == "" {
		if r.version, err = r.git("describe", "--tags", "--always", "--dirty"); err != nil {
			return err
		}
	}
	if r.when, err = r.time(); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := emptied(r.out); err != nil {
		return err
	}
	if r.staging, err = os.MkdirTemp("", "earshot-dist"); err != nil {
		return err
	}
	defer os.RemoveAll(r.staging)
	return r.make()
}

// make makes everything. The checksums come last.
func (r *release) make() error {
	if err := r.build(); err != nil {
		return err
	}
	modules, err := r.modules()
	if err != nil {
		return err
	}
	if err := r.stage(modules); err != nil {
		return err
	}
	for _, t := range r.targets {
		if err := r.archive(t); err != nil {
			return fmt.Errorf("archive for %v: %w", t, err)
		}
		if t.os != "linux" {
			continue
		}
		if err := r.packages(t); err != nil {
			return fmt.Errorf("packages for %v: %w", t, err)
		}
	}
	if err := r.bom(modules); err != nil {
		return fmt.Errorf("list of modules: %w", err)
	}
	return r.checksums()
}

// emptied makes a folder with nothing in it. It removes files only, so that a wrong name of a folder
// does no harm beyond its own files.
func emptied(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "earshot") && e.Name() != "SHA256SUMS" {
			return fmt.Errorf("%s has %s in it, which was not made here", dir, e.Name())
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// time is what all files are dated.
func (r *release) time() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		var err error
		if epoch, err = r.git("log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (r *release) git(args ...string) (string, error) {
	c := exec.Command("git", args...)
	c.Dir, c.Stderr = r.source, os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// byPath is the order of files in archives and lists.
func byPath(a, b file) int { return cmp.Compare(a.path, b.path) }
