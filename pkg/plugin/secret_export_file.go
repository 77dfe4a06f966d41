package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// mayWrite returns an error if a file cannot be written: something else has its name, or
// it exists and is not to be replaced. It looks only.
func mayWrite(path string, replace bool) error {
	folder := filepath.Dir(path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return Hinted(fmt.Errorf("write %s: the directory %s does not exist", path, folder), "make it: mkdir -p %s", folder)
	case err != nil:
		return fmt.Errorf("write %s: %w", path, err)
	case !info.IsDir():
		return fmt.Errorf("write %s: %s is not a directory", path, folder)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("write %s: %w", path, err)
	case info.IsDir():
		return Hinted(fmt.Errorf("write %s: it is a directory", path), "name a file in it")
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return Hinted(fmt.Errorf("write %s: it is no ordinary file", path), "leave -f out, and redirect stdout to it")
	case !replace:
		return fileExists(path)
	}
	return nil
}

// fileExists returns the error about a file that is not to be replaced.
func fileExists(path string) error {
	return Hinted(fmt.Errorf("write %s: it exists", path), "add --force to replace it, or choose another name")
}

// writePrivately writes a file that only this user can read. It appears when it is whole:
// until then there is what was there before. No signal ends this process before one of
// both is there, and nothing else.
func writePrivately(ctx context.Context, path string, text []byte, replace bool) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := mayWrite(path, replace); err != nil {
		return err
	}
	// Created with O_EXCL and the mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = rename(file.Name(), path, replace)
	}
	if removed := os.Remove(file.Name()); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// rename gives a file the name path. Unless it is to replace another, one that has appeared
// since stays, and the name of before is left.
func rename(from, path string, replace bool) error {
	if !replace {
		switch err := os.Link(from, path); {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			return fileExists(path)
		}
		// Not every file system has links.
	}
	return os.Rename(from, path)
}
