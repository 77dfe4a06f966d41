package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/hack/compile"
)

// images lets hack/image make the images for the platforms of Linux. It writes their
// archives, images.txt with the name and digest of each, and a bill of materials for
// each program that the archives of the plugin do not hold.
func (m *making) images(ctx context.Context) error {
	var platforms []string
	for _, p := range m.platforms {
		if p.OS == "linux" {
			platforms = append(platforms, p.String())
		}
	}
	if len(platforms) == 0 {
		return errors.New("make the images: no platform of Linux is wanted, and there are none for others")
	}
	out, programs := filepath.Join(m.work, "images"), filepath.Join(m.work, "programs")
	said, err := m.runImage(ctx, "--version", m.version, "--registry", m.registry, "--platforms", strings.Join(platforms, ","),
		"--images", "webhook,plugin", "--out", out, "--programs", programs)
	if err != nil {
		return err
	}
	var names strings.Builder
	for line := range strings.Lines(said) {
		fields := strings.Fields(line)
		names.WriteString(fields[len(fields)-1] + "\n")
	}
	if err := m.write("images.txt", []byte(names.String())); err != nil {
		return err
	}
	for _, name := range []string{"webhook", "plugin"} {
		if err := os.Rename(filepath.Join(out, name+".tar"), filepath.Join(m.dist, "dbtether-"+name+"_"+m.version+".oci.tar")); err != nil {
			return err
		}
	}
	for _, p := range m.platforms {
		if p.OS != "linux" {
			continue
		}
		if err := m.bill(ctx, filepath.Join(programs, "webhook_linux_"+p.Arch), p.named("dbtether-webhook", m.version)); err != nil {
			return err
		}
		if err := m.samePlugin(p, filepath.Join(programs, "plugin_linux_"+p.Arch)); err != nil {
			return err
		}
	}
	return nil
}

// runImage runs hack/image and returns what it prints.
func (m *making) runImage(ctx context.Context, args ...string) (string, error) {
	// Run on its own rather than with `go run`, which passes no signal on.
	program := filepath.Join(m.work, "image")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./hack/image")
	build.Dir, build.Env = m.root, compile.Environment(runtime.GOOS, runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build hack/image: %w\n%s", err, out)
	}
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.root, &stdout, m.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("make the images: %w", err)
	}
	return stdout.String(), nil
}

// samePlugin refuses an image whose program is not that of the archive: one bill of
// materials stands for both.
func (m *making) samePlugin(p platform, program string) error {
	if !slices.Contains(m.parts, partPlugin) {
		return nil
	}
	inImage, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	inArchive, err := os.ReadFile(m.built(p))
	if err != nil {
		return err
	}
	if !bytes.Equal(inImage, inArchive) {
		return fmt.Errorf("the plugin for %s in the image is another one than in the archive: were the sources changed meanwhile?", p)
	}
	return nil
}
