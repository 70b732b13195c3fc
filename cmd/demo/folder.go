package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// folderSize is how much the folder has in large files, in bytes: so much that it takes a while.
const folderSize = 96 << 20

func (d *demo) folder(ctx context.Context) error {
	sent, saved := filepath.Join(d.dir, "holiday"), filepath.Join(d.dir, "saved")
	files, err := makeFolder(sent)
	if err == nil {
		err = os.Mkdir(saved, 0o755)
	}
	if err != nil {
		return err
	}
	if err := d.terminate(ctx, "Cleo"); err != nil {
		return err
	}
	if _, err := d.earshot(ctx, "Ann", "", "send", "Cleo", "--file", sent); err != nil {
		return err
	}
	d.say("Ann: sent %d files of %d MiB", files, folderSize>>20)
	if err := d.up(ctx, "Cleo"); err != nil {
		return err
	}
	if err := d.until(ctx, "Cleo sees that it waits", func() (bool, error) {
		waits, err := d.lines(ctx, "Cleo", "files", "--waiting")
		return len(waits) == 1 && waits[0]["state"] == "offered", err
	}); err != nil {
		return err
	}

	get := d.command(ctx, "Cleo", "get", "last:Ann", "--to-dir", saved)
	if err := get.Start(); err != nil {
		return err
	}
	err = d.until(ctx, "some of it has come", func() (bool, error) {
		n, err := unfinished(saved)
		return n >= files/4, err
	})
	if err == nil {
		err = d.kill("Cleo")
	}
	_ = get.Wait() // says that the node has gone
	if err != nil {
		return err
	}
	n, err := unfinished(saved)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(saved, "holiday")); n == 0 || !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it was not killed in the middle: %d files, and of the folder %v", n, err)
	}
	d.say("%d of %d files are there, under another name", n, files)

	if err := d.up(ctx, "Cleo"); err != nil {
		return err
	}
	if _, err := d.earshot(ctx, "Cleo", "", "get", "last:Ann", "--to-dir", saved, "--timeout", patience.String()); err != nil {
		return err
	}
	if err := same(sent, filepath.Join(saved, "holiday")); err != nil {
		return err
	}
	if n, err := unfinished(saved); n > 0 || err != nil {
		return fmt.Errorf("%d unfinished files have been left: %v", n, err)
	}
	d.say("Cleo: saved, and every file is the same")
	return d.until(ctx, "Ann knows that Cleo has it", func() (bool, error) {
		sent, err := d.lines(ctx, "Ann", "history", "Cleo", "--limit", "1")
		if err != nil || len(sent) != 1 {
			return false, err
		}
		receipts, err := d.lines(ctx, "Ann", "receipts", fmt.Sprint(sent[0]["id"]))
		return len(receipts) == 1 && fmt.Sprint(receipts[0]["files"]) == "[held]", err
	})
}

// makeFolder makes a folder with files, some of them small, in folders, and returns how many.
func makeFolder(path string) (files int, err error) {
	const days, large = 8, folderSize / 8
	random := rand.NewChaCha8([32]byte{'d', 'e', 'm', 'o'})
	for day := range days {
		folder := filepath.Join(path, fmt.Sprintf("day %d", day+1))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return 0, err
		}
		for i, size := range []int{large, 0, 1, 1000, 4096} {
			b := make([]byte, size)
			_, _ = random.Read(b) // never fails
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.jpg", i+1)), b, 0o644); err != nil {
				return 0, err
			}
			files++
		}
	}
	return files, nil
}

// unfinished is how many files there are in what is not complete yet.
func unfinished(folder string) (files int, err error) {
	parts, err := filepath.Glob(filepath.Join(folder, ".earshot-*.part"))
	for _, part := range parts {
		err = errors.Join(err, filepath.WalkDir(part, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && !e.IsDir() {
				files++
			}
			return err
		}))
	}
	return files, err
}

// same compares two folders, file by file.
func same(one, other string) error {
	a, err := contents(one)
	if err != nil {
		return err
	}
	b, err := contents(other)
	if err != nil {
		return err
	}
	if len(a) != len(b) {
		return fmt.Errorf("%d files have become %d", len(a), len(b))
	}
	for name, content := range a {
		if other, there := b[name]; !there || !bytes.Equal(content, other) {
			return fmt.Errorf("%s is not the same", name)
		}
	}
	return nil
}

// contents reads all files of a folder.
func contents(folder string) (map[string][]byte, error) {
	out := make(map[string][]byte)
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		out[strings.TrimPrefix(path, folder)], err = os.ReadFile(path)
		return err
	})
	return out, err
}
