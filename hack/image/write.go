package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
)

// write builds what is wanted from the sources in root and writes the archives into
// wanted.out, each whole or not at all.
func write(ctx context.Context, root string, wanted options, stdout, stderr io.Writer) (err error) {
	if err := os.MkdirAll(wanted.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "dbtether-image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return err
	}
	for _, s := range wanted.sources {
		var builds []build
		for _, p := range wanted.platforms {
			fmt.Fprintf(stderr, "building %s for %s\n", s.path, p)
			program := filepath.Join(work, s.name+"-"+p.Architecture)
			if err := (compile.Program{Package: s.path, OS: p.OS, Arch: p.Architecture, Version: wanted.version}).To(ctx, root, program); err != nil {
				return err
			}
			executable, err := os.ReadFile(program)
			if err != nil {
				return err
			}
			builds = append(builds, build{p, executable})
		}
		archive, err := image(wanted.reference(s), wanted, s, builds, license)
		if err != nil {
			return fmt.Errorf("pack image %q: %w", s.name, err)
		}
		file := filepath.Join(wanted.out, s.name+".tar")
		if err := replace(file, archive); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %s  %s\n", digest(archive), file, wanted.reference(s))
	}
	return nil
}

// replace writes a file by a rename, so that nobody reads half of it.
func replace(file string, content []byte) error {
	making, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = making.Write(content)
	err = errors.Join(err, making.Chmod(0o644), making.Close())
	if err == nil {
		err = os.Rename(making.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(making.Name()))
	}
	return nil
}

// archive returns the layout as a tar: folders and files by name, each once.
func (l *layout) archive() ([]byte, error) {
	entries := slices.SortedFunc(slices.Values(l.entries), func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.name == b.name })
	var text bytes.Buffer
	err := writeTar(&text, entries)
	return text.Bytes(), err
}
