// Package history finds the version before this one in git, for the tests of an upgrade
// from it.
package history

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMissing says that git cannot tell what the version before this one was.
var ErrMissing = errors.New("the version before this one is not at hand")

//go:embed commit.txt
var pinned string

// Previous returns what the version before this one is called and its commit:
// $DBTETHER_PREVIOUS, else the last tag of a version before HEAD, else what commit.txt
// names. The error is ErrMissing where git does not have it, or does not answer.
func Previous(ctx context.Context, root string) (name, commit string, err error) {
	name = os.Getenv("DBTETHER_PREVIOUS")
	if name == "" {
		tag, err := git(ctx, root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^")
		if err != nil { // there is none
			tag, err = pinnedCommit(pinned)
		}
		if err != nil {
			return "", "", err
		}
		name = tag
	}
	commit, err = git(ctx, root, "rev-parse", "--verify", "--quiet", name+"^{commit}")
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1: // so ends rev-parse --verify --quiet where there is no such commit
		return "", "", fmt.Errorf("%w: git does not have %s, as in a shallow clone (git fetch --unshallow --tags brings it)", ErrMissing, name)
	case err != nil:
		return "", "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return name, commit, nil
}

// pinnedCommit returns the line that is neither empty nor a comment.
func pinnedCommit(text string) (string, error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", errors.New("commit.txt names no commit")
}

// Unpack writes the files of a commit into a new folder.
func Unpack(ctx context.Context, root, commit, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	archive := filepath.Join(filepath.Dir(folder), "sources.tar")
	if _, err := git(ctx, root, "archive", "--format=tar", "--output="+archive, commit); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", folder).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack the sources of %s: %w\n%s", commit, err, out)
	}
	return os.Remove(archive)
}

// git returns what it prints. Its error quotes what it says.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "LC_ALL=C") // what it says is told
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
