package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	workspacePrefix = "dbtether-testenv-"
	workspaceLock   = "owner.lock"
)

// workspace is the temporary folder of one server. Its owner holds a lock in
// it, so that a later process can tell, and remove, what a killed one left.
type workspace struct {
	path string
	lock *os.File
}

func newWorkspace(kind string) (*workspace, error) {
	sweepWorkspaces(os.TempDir())
	path, err := os.MkdirTemp("", workspacePrefix+kind+"-")
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, workspaceLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = tryLock(lock)
	}
	if err == nil {
		// A server running as another user must pass through.
		err = os.Chmod(path, 0o711)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return &workspace{path: path, lock: lock}, nil
}

func (w *workspace) file(name string) string { return filepath.Join(w.path, name) }

func (w *workspace) remove() error {
	err := os.RemoveAll(w.path)
	w.lock.Close()
	return err
}

// sweepWorkspaces removes the folders in dir that this user's processes made
// and did not live to remove. It keeps what it cannot judge.
func sweepWorkspaces(dir string) {
	candidates, err := filepath.Glob(filepath.Join(dir, workspacePrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range candidates {
		if isAbandoned(path) {
			os.RemoveAll(path)
		}
	}
}

func isAbandoned(path string) bool {
	info, err := os.Lstat(path)
	// A minute is for a process that has made its folder and not yet locked it,
	// and for servers that are still shutting down.
	if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
		return false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
		return false
	}
	lock, err := os.OpenFile(filepath.Join(path, workspaceLock), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	defer lock.Close()
	return tryLock(lock) == nil
}

// Workspace makes a temporary folder that every user may pass, but not list, and that remove
// removes. If this process is killed before, the next workspace of the user removes it.
func Workspace(kind string) (dir string, remove func() error, err error) {
	w, err := newWorkspace(kind)
	if err != nil {
		return "", nil, err
	}
	return w.path, w.remove, nil
}
