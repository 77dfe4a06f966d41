package testenv

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// openFolders lets every user pass and list the folders below root.
func openFolders(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return root.Chmod(name, 0o755)
	})
}

// cloneTree makes dst a copy of src: hard links where the file system allows,
// so that it costs no space, else copies.
func cloneTree(src, dst string) error {
	return filepath.WalkDir(src, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(src, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, relative)
		switch {
		case entry.IsDir():
			return errors.Join(os.MkdirAll(to, 0o755), os.Chmod(to, 0o755))
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		}
		if os.Link(name, to) == nil {
			return nil
		}
		return copyFile(name, to)
	})
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Chmod(info.Mode().Perm()), dst.Close())
}

func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
