package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/hack/changelog"
)

// making is a release in the making.
type making struct {
	options
	root   string // of the sources
	dist   string // folder with what is finished
	work   string // folder for everything else
	stderr io.Writer
}

// publish makes the release of the sources in root: it builds, and writes the
// folder wanted.out.
func publish(ctx context.Context, root string, wanted options, stdout, stderr io.Writer) (err error) {
	if err := mustBeFree(wanted.out); err != nil {
		return err
	}
	sections, err := changelog.Read(root)
	if err != nil {
		return err
	}
	if _, err := sections.Of(wanted.version); err != nil {
		return err
	}
	out, err := filepath.Abs(wanted.out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	// Beside its place, so that a rename is all that is left to do.
	work, err := os.MkdirTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	fmt.Fprintf(stderr, "kubectl-dbtether %s with %s\n", wanted.version, runtime.Version())
	m := &making{options: wanted, root: root, dist: filepath.Join(work, "dist"), work: work, stderr: stderr}
	if err := os.Mkdir(m.dist, 0o755); err != nil {
		return err
	}
	sums, err := m.all(ctx)
	if err != nil {
		return err
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(m.dist, out); err != nil {
		return err
	}
	_, err = io.WriteString(stdout, sums)
	return err
}

// mustBeFree returns an error if there is something in the folder: what an older
// release left would be uploaded with this one.
func mustBeFree(folder string) error {
	switch present, err := os.ReadDir(folder); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(present) > 0:
		return fmt.Errorf("--out %q: is not empty, remove it first", folder)
	default:
		return nil
	}
}

// all makes the wanted parts and checksums.txt, whose text it returns.
func (m *making) all(ctx context.Context) (string, error) {
	for _, part := range []struct {
		name string
		make func(context.Context) error
	}{
		{partPlugin, m.plugin},
		{partImages, m.images},
		{partChart, m.chart},
		{partManifests, m.manifests},
	} {
		if !slices.Contains(m.parts, part.name) {
			continue
		}
		if err := part.make(ctx); err != nil {
			return "", err
		}
	}
	sums, err := checksums(m.dist)
	if err != nil {
		return "", err
	}
	return sums, m.write("checksums.txt", []byte(sums))
}

// write stores a file of the release.
func (m *making) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(m.dist, name), content, 0o644)
}

// checksums returns what `sha256sum --check` reads, a line for each file of the folder.
func checksums(dist string) (string, error) {
	entries, err := os.ReadDir(dist)
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dist, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&lines, "%s  %s\n", hash(content), e.Name())
	}
	return lines.String(), nil
}

// hash returns the SHA-256 in lower case hexadecimal.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
