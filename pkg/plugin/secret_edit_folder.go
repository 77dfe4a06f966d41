package plugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// editPrefix begins the name of a directory with a text that is edited. The number of the
// process follows, so that the next edit knows one that nobody uses.
const editPrefix = "dbtether-edit-"

// newEditFolder makes a directory that only this user can read, in the first place that
// takes one, and returns its path.
func newEditFolder(places []string) (string, error) {
	var failed []error
	for _, place := range places {
		if !filepath.IsAbs(place) {
			continue
		}
		folder, err := os.MkdirTemp(place, editPrefix+strconv.Itoa(os.Getpid())+"-*")
		if err == nil {
			return folder, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("make a private directory: %w", errors.Join(failed...))
}

// removeAbandonedEdits removes the directories of earlier runs that were killed. It
// leaves those of other users and of runs that are there, and returns what it could not
// remove.
func removeAbandonedEdits(places []string) []error {
	var failed []error
	for _, place := range places {
		if !filepath.IsAbs(place) {
			continue
		}
		entries, err := os.ReadDir(place)
		if err != nil { // there is no such place, or it is not ours to look at
			continue
		}
		for _, entry := range entries {
			if !abandoned(entry) {
				continue
			}
			if err := wipe(filepath.Join(place, entry.Name())); err != nil {
				failed = append(failed, fmt.Errorf("an edit was killed: %w: it holds what a Secret held: remove it", err))
			}
		}
	}
	return failed
}

// abandoned reports whether a directory is one of a run of this user that is gone.
func abandoned(entry fs.DirEntry) bool {
	rest, ours := strings.CutPrefix(entry.Name(), editPrefix)
	number, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	if !ours || err != nil || pid <= 0 {
		return false
	}
	info, err := entry.Info()
	if err != nil || !isPrivate(info) {
		return false
	}
	if pid == os.Getpid() { // we have none yet: in a container every run has the same number
		return true
	}
	process, err := os.FindProcess(pid)
	if err != nil { // on Windows
		return true
	}
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// isPrivate reports whether a file is a directory into which only this user could put
// anything.
func isPrivate(info fs.FileInfo) bool {
	return info.IsDir() && ownedByUs(info)
}

// wipe overwrites the files in a directory of ours and removes it. Whatever an editor has
// put beside the text, such as swap files, goes with it.
func wipe(folder string) error {
	is, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := overwriteAll(folder, is); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// overwriteAll fills the files in a directory with zeros. What cannot be overwritten stays
// as it is; the error says that it is not the directory that was seen, or not ours alone.
func overwriteAll(folder string, seen fs.FileInfo) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	// Somebody may have put a link to something else in its place.
	if is, err := root.Stat("."); err != nil || !os.SameFile(seen, is) || !isPrivate(is) {
		return errors.Join(fmt.Errorf("%s is no private directory of ours any more", folder), err)
	}
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			overwrite(root, path)
		}
		return nil
	})
}

// overwrite fills a file with zeros.
func overwrite(root *os.Root, path string) {
	_ = root.Chmod(path, 0o600)
	file, err := root.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		_, _ = io.CopyN(file, zeros{}, info.Size())
		_ = file.Sync()
	}
}

// zeros is a source of zeros.
type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}
