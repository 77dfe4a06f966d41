package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds programs of the repository for this machine into a folder, each with the
// name of its package's folder. The packages are such as "./cmd/...". version is what the
// programs say of themselves; empty: their own default. It runs the go command.
func Build(ctx context.Context, folder, version string, packages ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	return BuildFrom(ctx, root, folder, version, packages...)
}

// BuildFrom is Build with the sources of another folder than the repository's.
func BuildFrom(ctx context.Context, sources, folder, version string, packages ...string) error {
	args := []string{"build", "-buildvcs=false", "-o", folder + string(filepath.Separator)}
	if version != "" {
		args = append(args, "-ldflags=-X main.version="+version)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = sources
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w\n%s", packages, err, out)
	}
	return nil
}

// Home is where a person works with kubectl and the plugin. Copies of it with another
// Kubeconfig share the folder.
type Home struct {
	Dir        string // is HOME, and comes first on PATH
	Kubeconfig string
}

// NewHome makes the folder dir, which exists, the home of a cluster-admin: with this
// control plane's kubectl, and with all programs of a folder.
func (c *ControlPlane) NewHome(dir, programs string) (Home, error) {
	h := Home{Dir: dir, Kubeconfig: c.Kubeconfig}
	return h, errors.Join(h.link(c.Kubectl, "kubectl"), h.Use(programs))
}

// Use puts all programs of a folder into the home, in the place of those that have the
// same names.
func (h Home) Use(programs string) error {
	files, err := os.ReadDir(programs)
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.IsDir() {
			continue
		}
		if err := h.link(filepath.Join(programs, file.Name()), file.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (h Home) link(program, name string) error {
	link := filepath.Join(h.Dir, name)
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(program, link)
}

// Command returns a command that runs a program of the home, in an environment with
// nothing of the person who runs the tests but TMPDIR and the rest of PATH.
func (h Home) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(h.Dir, program), args...)
	cmd.Env = []string{"PATH=" + h.Dir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + h.Dir, "KUBECONFIG=" + h.Kubeconfig}
	if folder, set := os.LookupEnv("TMPDIR"); set {
		cmd.Env = append(cmd.Env, "TMPDIR="+folder)
	}
	return cmd
}
