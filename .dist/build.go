package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
)

// host is the system that this runs on, where the manual is written.
var host = target{runtime.GOOS, runtime.GOARCH}

// plain has versions that can stand in a flag of the linker and in names of files.
var plain = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+~-]*$`)

// program is where the program for a system is built.
func (r *release) program(t target) string {
	name := filepath.Join(r.staging, t.String(), "earshot")
	if t.os == "windows" {
		name += ".exe"
	}
	return name
}

// build builds the program for all systems, and writes the manual.
func (r *release) build() error {
	if !plain.MatchString(r.version) {
		return fmt.Errorf("version %q has characters that a version can't have", r.version)
	}
	for _, t := range r.targets {
		if err := r.compile(t, r.program(t)); err != nil {
			return fmt.Errorf("build for %v: %w", t, err)
		}
	}
	writer := filepath.Join(r.staging, "manual")
	if err := r.compile(host, writer, "-tags", "dist"); err != nil {
		return fmt.Errorf("build what writes the manual: %w", err)
	}
	write := exec.Command(writer, r.staging)
	write.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.when.Unix(), 10), "TZ=UTC") // pages have the month
	write.Stderr = os.Stderr
	return write.Run()
}

// compile builds the program so that the same source gives the same bytes: no paths, no build ID, no
// state of the work tree, and none of the settings of whoever builds it.
func (r *release) compile(t target, output string, flags ...string) error {
	output, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.version=" + r.version, "-o", output}, flags...)
	c := exec.Command("go", append(args, "./cmd/earshot")...)
	c.Dir, c.Stderr = r.source, os.Stderr
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	return c.Run()
}
