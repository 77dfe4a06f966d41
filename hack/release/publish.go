package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
)

// artifact is an archive of the release, as the manifest names it.
type artifact struct {
	platform
	Archive string // file name
	URI     string
	SHA256  string // lower case hexadecimal
}

// publish makes the release of the sources in root: it builds, and writes the
// folder wanted.out.
func publish(ctx context.Context, root string, wanted options, stdout, stderr io.Writer) (err error) {
	if err := mustBeFree(wanted.out); err != nil {
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
	making, err := os.MkdirTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(making)) }()
	fmt.Fprintf(stderr, "kubectl-dbtether %s with %s\n", wanted.version, runtime.Version())
	dist := filepath.Join(making, "dist")
	if err := os.Mkdir(dist, 0o755); err != nil {
		return err
	}
	var artifacts []artifact
	for _, p := range wanted.platforms {
		fmt.Fprintf(stderr, "building for %s\n", p)
		a, err := packPlatform(ctx, root, dist, p, wanted)
		if err != nil {
			return err
		}
		artifacts = append(artifacts, a)
	}
	if err := describe(root, dist, wanted.version, artifacts); err != nil {
		return err
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(dist, out); err != nil {
		return err
	}
	_, err = io.WriteString(stdout, checksums(artifacts))
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

// packPlatform builds the plugin for a platform and writes its archive to dist.
func packPlatform(ctx context.Context, root, dist string, p platform, wanted options) (artifact, error) {
	program := filepath.Join(filepath.Dir(dist), p.OS+"-"+p.Arch)
	plugin := compile.Program{Package: "./cmd/kubectl-dbtether", OS: p.OS, Arch: p.Arch, Version: wanted.version}
	if err := plugin.To(ctx, root, program); err != nil {
		return artifact{}, err
	}
	executable, err := os.ReadFile(program)
	if err != nil {
		return artifact{}, err
	}
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return artifact{}, err
	}
	packed, err := pack(p, executable, license)
	if err != nil {
		return artifact{}, fmt.Errorf("pack for %s: %w", p, err)
	}
	name := p.archive(wanted.version)
	if err := os.WriteFile(filepath.Join(dist, name), packed, 0o644); err != nil {
		return artifact{}, err
	}
	sum := sha256.Sum256(packed)
	return artifact{p, name, strings.TrimSuffix(wanted.baseURI, "/") + "/" + name, hex.EncodeToString(sum[:])}, nil
}

// pack returns the archive for a platform. It does no I/O.
func pack(p platform, executable, license []byte) ([]byte, error) {
	write := writeTarGz
	if p.OS == "windows" {
		write = writeZip
	}
	var archive bytes.Buffer
	err := write(&archive, []entry{
		{p.Program(), 0o755, executable},
		{"LICENSE", 0o644, license},
	})
	return archive.Bytes(), err
}

// describe writes checksums.txt and the manifest.
func describe(root, dist, version string, artifacts []artifact) error {
	if err := os.WriteFile(filepath.Join(dist, "checksums.txt"), []byte(checksums(artifacts)), 0o644); err != nil {
		return err
	}
	template, err := os.ReadFile(filepath.Join(root, "krew", "dbtether.yaml.tmpl"))
	if err != nil {
		return err
	}
	manifest, err := render(string(template), version, artifacts)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dist, "krew"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, "krew", "dbtether.yaml"), manifest, 0o644)
}
