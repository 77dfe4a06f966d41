package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// plugin makes the archives, a bill of materials beside each, and krew's manifest.
func (m *making) plugin(ctx context.Context) error {
	var artifacts []artifact
	for _, p := range m.platforms {
		fmt.Fprintf(m.stderr, "building for %s\n", p)
		a, err := m.packPlatform(ctx, p)
		if err != nil {
			return err
		}
		artifacts = append(artifacts, a)
	}
	template, err := os.ReadFile(filepath.Join(m.root, "krew", "dbtether.yaml.tmpl"))
	if err != nil {
		return err
	}
	manifest, err := render(string(template), m.version, artifacts)
	if err != nil {
		return err
	}
	// krew wants a file that is called like the plugin.
	return m.write("dbtether.yaml", manifest)
}

// built returns where the program for a platform is compiled to.
func (m *making) built(p platform) string {
	return filepath.Join(m.work, p.OS+"-"+p.Arch, p.Program())
}

// packPlatform builds the plugin for a platform and writes its archive and its bill of
// materials.
func (m *making) packPlatform(ctx context.Context, p platform) (artifact, error) {
	program := m.built(p)
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return artifact{}, err
	}
	plugin := compile.Program{Package: "./cmd/kubectl-dbtether", OS: p.OS, Arch: p.Arch, Version: m.version, Images: m.imagePrefix()}
	if err := plugin.To(ctx, m.root, program); err != nil {
		return artifact{}, err
	}
	executable, err := os.ReadFile(program)
	if err != nil {
		return artifact{}, err
	}
	license, err := os.ReadFile(filepath.Join(m.root, "LICENSE"))
	if err != nil {
		return artifact{}, err
	}
	packed, err := pack(p, executable, license)
	if err != nil {
		return artifact{}, fmt.Errorf("pack for %s: %w", p, err)
	}
	name := p.archive(m.version)
	if err := m.write(name, packed); err != nil {
		return artifact{}, err
	}
	a := artifact{p, name, strings.TrimSuffix(m.baseURI, "/") + "/" + name, hash(packed)}
	return a, m.bill(ctx, program, p.named("kubectl-dbtether", m.version))
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
