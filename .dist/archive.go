package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// archive writes what somebody unpacks: a zip for Windows, a compressed tar for the others.
func (r *release) archive(t target) error {
	folder := fmt.Sprintf("earshot-%s-%v", r.version, t)
	if t.os != "linux" {
		folder += "-untested" // nothing of it has been run where it is for
	}
	files := r.unpacked(t)
	slices.SortFunc(files, byPath)
	write, ending := r.writeTar, ".tar.gz"
	if t.os == "windows" {
		write, ending = r.writeZip, ".zip"
	}
	f, err := os.Create(filepath.Join(r.out, folder+ending))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f, folder, files); err != nil {
		return err
	}
	return f.Close()
}

func (r *release) writeTar(w io.Writer, folder string, files []file) error {
	compressed, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is valid
	t := tar.NewWriter(compressed)
	for _, f := range files {
		content, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Name: folder + "/" + f.path, Mode: int64(f.mode), Size: int64(len(content)), ModTime: r.when,
			Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		if _, err := t.Write(content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func (r *release) writeZip(w io.Writer, folder string, files []file) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		content, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: folder + "/" + f.path, Method: zip.Deflate, Modified: r.when}
		header.SetMode(f.mode)
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(content); err != nil {
			return err
		}
	}
	return z.Close()
}

// checksums writes SHA256SUMS, as `sha256sum -c` reads it.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
