package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
)

// write builds what is wanted from the sources in root and writes the archives into
// wanted.out, each whole or not at all.
func write(ctx context.Context, root string, wanted options, stdout, stderr io.Writer) (err error) {
	if err := os.MkdirAll(wanted.out, 0o755); err != nil {
		return err
	}
	programs := wanted.programs
	if programs != "" {
		if err := os.MkdirAll(programs, 0o755); err != nil {
			return err
		}
	} else {
		if programs, err = os.MkdirTemp("", "dbtether-image-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	}
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return err
	}
	for _, s := range wanted.sources {
		builds, err := compileFor(ctx, root, programs, wanted, s, stderr)
		if err != nil {
			return err
		}
		archive, index, err := image(wanted.reference(s), wanted, s, builds, license)
		if err != nil {
			return fmt.Errorf("pack image %q: %w", s.name, err)
		}
		file := filepath.Join(wanted.out, s.name+".tar")
		if err := replace(file, archive); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %s  %s@%s\n", digest(archive), file, wanted.reference(s), index)
	}
	return nil
}

// compileFor builds the program of an image for each platform into the folder programs.
func compileFor(ctx context.Context, root, programs string, wanted options, s source, stderr io.Writer) ([]build, error) {
	var builds []build
	for _, p := range wanted.platforms {
		fmt.Fprintf(stderr, "building %s for %s\n", s.path, p)
		file := filepath.Join(programs, s.name+"_"+p.OS+"_"+p.Architecture)
		program := compile.Program{Package: s.path, OS: p.OS, Arch: p.Architecture, Version: wanted.version, Images: wanted.prefix()}
		if err := program.To(ctx, root, file); err != nil {
			return nil, err
		}
		executable, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		builds = append(builds, build{p, executable})
	}
	return builds, nil
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
