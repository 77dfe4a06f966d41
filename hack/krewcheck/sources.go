package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copySources copies what git tracks, and would track, from the repository in
// root to the folder target. Both builds are made from copies: what is edited
// meanwhile, and what git ignores, is in neither.
func copySources(ctx context.Context, root, target string) error {
	var stderr bytes.Buffer
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir, list.Stderr = root, &stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the sources: %w\n%s", err, stderr.Bytes())
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		err := copyFile(filepath.Join(root, name), filepath.Join(target, name))
		// Removed, but not yet from git's index.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copy the sources: %w", err)
		}
	}
	return nil
}

func copyFile(source, target string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o644)
}
