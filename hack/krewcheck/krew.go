package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// krew runs krew and its validator through kubectl.
type krew struct {
	kubectl string
	path    string // value of PATH: krew, its validator and kubectl come first
	home    string // an empty home: no kubeconfig, no krew of the user
}

// findKubectl returns the kubectl on PATH, else the one that the tests use. That
// one may have to be built, which takes minutes.
func findKubectl(ctx context.Context, log func(format string, a ...any)) (string, error) {
	if kubectl, err := exec.LookPath("kubectl"); err == nil {
		return filepath.Abs(kubectl)
	}
	binaries, err := testenv.FetchControlPlane(ctx, testenv.Newest, log)
	return filepath.Join(binaries, "kubectl"), err
}

// newKrew builds what tools/krew pins into the folder bin and returns it.
func newKrew(ctx context.Context, root, bin, kubectl string) (krew, error) {
	k := krew{
		kubectl: kubectl,
		path:    strings.Join([]string{bin, filepath.Dir(kubectl), os.Getenv("PATH")}, string(os.PathListSeparator)),
		home:    filepath.Join(bin, "home"),
	}
	if err := os.MkdirAll(k.home, 0o755); err != nil {
		return krew{}, err
	}
	for command, name := range map[string]string{"krew": "kubectl-krew", "validate-krew-manifest": "validate-krew-manifest"} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(bin, name), "sigs.k8s.io/krew/cmd/"+command)
		build.Dir = filepath.Join(root, "tools", "krew")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOFLAGS=-mod=readonly", "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return krew{}, fmt.Errorf("build %s: %w\n%s", command, err, out)
		}
	}
	return k, nil
}

// validate runs krew's validator and returns what it says. It downloads and
// installs the archive of every platform that the manifest names.
func (k krew) validate(ctx context.Context, manifest string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(k.home), "validate-krew-manifest"), "-manifest", manifest)
	said, err := k.output(cmd, k.path)
	if err != nil {
		return said, fmt.Errorf("validate-krew-manifest: %w\n%s", err, said)
	}
	return said, nil
}

// install runs `kubectl krew install` with an archive instead of a download and
// returns what it says. root must be empty or missing: krew skips a plugin that
// is installed, and succeeds.
func (k krew) install(ctx context.Context, root, manifest, archive string) (string, error) {
	if entries, err := os.ReadDir(root); len(entries) > 0 {
		return "", fmt.Errorf("kubectl krew install: %q is not empty", root)
	} else if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	cmd := exec.CommandContext(ctx, k.kubectl, "krew", "install", "--manifest="+manifest, "--archive="+archive)
	said, err := k.output(cmd, k.path, "KREW_ROOT="+root, "KREW_NO_UPGRADE_CHECK=1")
	if err != nil {
		return said, fmt.Errorf("kubectl krew install: %w\n%s", err, said)
	}
	return said, nil
}

// output runs the command and returns what it writes to both streams.
func (k krew) output(cmd *exec.Cmd, path string, environment ...string) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(k.environment(path), environment...)
	err := cmd.Run()
	return out.String(), err
}

// environment is ours without what belongs to krew and kubectl of the user.
func (k krew) environment(path string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "KREW_") || strings.HasPrefix(variable, "KUBE")
	})
	return append(kept, "HOME="+k.home, "PATH="+path)
}
