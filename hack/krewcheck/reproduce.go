package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// reproduce makes the release twice and returns the folder of the first one. It
// fails unless the second one has the same files with the same bytes.
func (c *check) reproduce(ctx context.Context) (string, error) {
	here, there := filepath.Join(c.work, "a"), filepath.Join(c.work, "elsewhere", "under-another-name")
	if err := copySources(ctx, c.root, here); err != nil {
		return "", err
	}
	// Of the copy, so that both are equal.
	if err := os.CopyFS(there, os.DirFS(here)); err != nil {
		return "", err
	}
	first, err := c.release(ctx, "first", here, os.Environ())
	if err != nil {
		return "", err
	}
	// What must not get into the files: the folder, the time and its zone, and
	// what the environment tells the go command.
	environment := append(os.Environ(), "TZ=Asia/Kathmandu", "LC_ALL=C",
		"GOFLAGS=-tags=elsewhere", "CGO_ENABLED=1", "GOAMD64=v3", "GOARM64=v9.0", "GOFIPS140=latest")
	if c.cold {
		environment = append(environment, "GOCACHE="+filepath.Join(c.work, "cache"))
	}
	second, err := c.release(ctx, "second", there, environment)
	if err != nil {
		return "", err
	}
	table, err := compare(first, second)
	if err != nil {
		return "", err
	}
	c.log("both releases are equal, byte by byte\n%s", indent(table))
	return first, nil
}

// registry stands before the names of the images, so that the plugin has to know them.
const registry = "registry.test/team"

// release makes the release from a copy of the sources and returns its folder.
func (c *check) release(ctx context.Context, name, sources string, environment []string) (string, error) {
	started := time.Now()
	// Run on its own rather than with `go run`, which passes no signal on.
	program, dist := filepath.Join(c.work, name+"-release"), filepath.Join(sources, "dist")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./hack/release")
	build.Dir = sources
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build hack/release: %w\n%s", err, out)
	}
	args := []string{"--version", c.version, "--out", dist, "--base-uri", c.baseURI, "--registry", registry}
	if len(c.platforms) > 0 {
		args = append(args, "--platforms", strings.Join(c.platforms, ","))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = sources, environment
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the %s release: %w\n%s", name, err, out)
	}
	c.log("the %s release took %.1f s", name, time.Since(started).Seconds())
	return dist, nil
}

// compare returns a line for each file with its size and hash. It fails if the
// folders do not hold the same files with the same bytes.
func compare(first, second string) (string, error) {
	names, err := filesOf(first)
	if err != nil {
		return "", err
	}
	others, err := filesOf(second)
	if err != nil {
		return "", err
	}
	if !reflect.DeepEqual(names, others) {
		return "", fmt.Errorf("compare the releases: the first has %q, the second %q", names, others)
	}
	var table strings.Builder
	var differences error
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			return "", err
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			return "", err
		}
		if !bytes.Equal(a, b) {
			differences = errors.Join(differences, fmt.Errorf("compare the releases: %s differs from byte %d on: %d bytes with sha256 %x, and %d with %x",
				name, firstDifference(a, b), len(a), sha256.Sum256(a), len(b), sha256.Sum256(b)))
		}
		fmt.Fprintf(&table, "%x  %9d  %s\n", sha256.Sum256(a), len(a), filepath.ToSlash(name))
	}
	if differences != nil {
		return "", differences
	}
	return table.String(), nil
}

// firstDifference returns the offset of the first byte that is not the same.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// filesOf returns the paths of all files in the folder, relative to it, sorted.
func filesOf(folder string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		names = append(names, name)
		return err
	})
	slices.Sort(names)
	return names, err
}
