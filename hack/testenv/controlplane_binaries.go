package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// controlPlaneBinaries are paths of executables.
type controlPlaneBinaries struct{ apiServer, etcd, kubectl string }

// FetchControlPlane makes sure that kube-apiserver, etcd and kubectl are there,
// downloading or building them if they are not, and returns the API server's
// folder.
func FetchControlPlane(ctx context.Context, log func(format string, a ...any)) (binDir string, err error) {
	binaries, err := findControlPlane(ctx, logFunc(log).orSilent())
	return filepath.Dir(binaries.apiServer), err
}

// findControlPlane takes binaries from $KUBEBUILDER_ASSETS, else from
// setup-envtest, else builds what hack/controlplane pins.
func findControlPlane(ctx context.Context, log logFunc) (controlPlaneBinaries, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		found, err := binariesIn(dir)
		if err != nil {
			return found, fmt.Errorf("use KUBEBUILDER_ASSETS: %w", err)
		}
		return found, nil
	}
	module, err := controlPlaneModule(ctx)
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	// A build that is there costs nothing, a download might.
	if found, err := binariesIn(module.cache); err == nil {
		return found, nil
	}
	found, err := setupEnvtest(ctx, module.kubernetes, log)
	if err == nil {
		return found, nil
	}
	if !errors.Is(err, exec.ErrNotFound) {
		log("setup-envtest gives no binaries, so they are built: %v", err)
	}
	if err := module.build(ctx, log); err != nil {
		return controlPlaneBinaries{}, err
	}
	return binariesIn(module.cache)
}

func binariesIn(dir string) (controlPlaneBinaries, error) {
	found := controlPlaneBinaries{
		apiServer: filepath.Join(dir, "kube-apiserver"),
		etcd:      filepath.Join(dir, "etcd"),
		kubectl:   filepath.Join(dir, "kubectl"),
	}
	if installed, err := exec.LookPath("kubectl"); err == nil {
		found.kubectl = installed
	}
	for _, binary := range []string{found.apiServer, found.etcd, found.kubectl} {
		if !isExecutable(binary) {
			return controlPlaneBinaries{}, fmt.Errorf("no executable %q", binary)
		}
	}
	return found, nil
}

// setupEnvtest asks Kubernetes' own downloader, if it is on PATH, for a patch
// release of the pinned minor version: not every patch release is published
// there. The error is exec.ErrNotFound where there is none.
func setupEnvtest(ctx context.Context, version string, log logFunc) (controlPlaneBinaries, error) {
	tool, err := exec.LookPath("setup-envtest")
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	major, minor := majorMinor(version)
	wanted := major + "." + minor + ".x"
	log("asking setup-envtest for Kubernetes %s", wanted)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	dir, err := runCommand(ctx, exec.Command(tool, "use", "-p", "path", wanted))
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	return binariesIn(strings.TrimSpace(dir))
}

// pinnedControlPlane is the module hack/controlplane and what is built from it.
type pinnedControlPlane struct {
	dir        string
	cache      string
	kubernetes string // version
	etcd       string // version
}

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
)

func controlPlaneModule(ctx context.Context) (pinnedControlPlane, error) {
	root, err := Root()
	if err != nil {
		return pinnedControlPlane{}, err
	}
	cache, err := CacheDir()
	if err != nil {
		return pinnedControlPlane{}, err
	}
	p := pinnedControlPlane{dir: filepath.Join(root, "hack", "controlplane")}
	out, err := runCommand(ctx, p.goCommand("list", "-m", "-f", "{{.Version}}", kubernetesModule, etcdModule))
	if err != nil {
		return p, fmt.Errorf("read the pinned Kubernetes version: %w", err)
	}
	versions := strings.Fields(out)
	if len(versions) != 2 {
		return p, fmt.Errorf("read the pinned Kubernetes version: unexpected %q", out)
	}
	p.kubernetes, p.etcd = versions[0], versions[1]
	p.cache = filepath.Join(cache, "controlplane", p.kubernetes+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	return p, nil
}

// goCommand runs in the module, for this machine, whatever the environment says
// about other builds.
func (p pinnedControlPlane) goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PWD="+p.dir, "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	return cmd
}

// build compiles what the cache does not have yet. Each binary appears whole.
func (p pinnedControlPlane) build(ctx context.Context, log logFunc) error {
	release, err := lockFile(ctx, p.cache+".lock", func() { log("waiting for another process that builds Kubernetes %s", p.kubernetes) })
	if err != nil {
		return err
	}
	defer release()
	if err := os.MkdirAll(p.cache, 0o755); err != nil {
		return err
	}
	temporary, err := temporaryBeside(p.cache)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	for _, target := range p.targets() {
		final := filepath.Join(p.cache, target.name)
		if isExecutable(final) {
			continue
		}
		built := filepath.Join(temporary, target.name)
		if err := p.compile(ctx, target, built, log); err != nil {
			return err
		}
		if err := os.Rename(built, final); err != nil {
			return err
		}
	}
	return nil
}

type buildTarget struct{ name, version, pkg string }

// targets leaves kubectl out where there is one.
func (p pinnedControlPlane) targets() []buildTarget {
	targets := []buildTarget{
		{"etcd", p.etcd, etcdModule},
		{"kube-apiserver", p.kubernetes, kubernetesModule + "/cmd/kube-apiserver"},
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		targets = append(targets, buildTarget{"kubectl", p.kubernetes, kubernetesModule + "/cmd/kubectl"})
	}
	return targets
}

func (p pinnedControlPlane) compile(ctx context.Context, target buildTarget, output string, log logFunc) error {
	started := time.Now()
	log("building %s %s (once, cached; minutes when nothing is cached)", target.name, target.version)
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case <-tick.C:
				log("building %s %s (once, cached; %.0f s so far)", target.name, target.version, time.Since(started).Seconds())
			}
		}
	}()
	_, err := runCommand(ctx, p.goCommand("build", "-trimpath", "-ldflags", p.linkerFlags(), "-o", output, target.pkg))
	if err != nil {
		return fmt.Errorf("build %s: %w", target.name, err)
	}
	log("built %s %s in %s", target.name, target.version, elapsed(started))
	return nil
}

// linkerFlags stamp the version that a release build would: clients and version
// skew checks read it.
func (p pinnedControlPlane) linkerFlags() string {
	flags := []string{"-s", "-w"}
	major, minor := majorMinor(p.kubernetes)
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X "+pkg+".gitVersion="+p.kubernetes,
			"-X "+pkg+".gitMajor="+major,
			"-X "+pkg+".gitMinor="+minor)
	}
	return strings.Join(flags, " ")
}

// majorMinor splits "v1.37.1" into "1" and "37".
func majorMinor(version string) (major, minor string) {
	parts := append(strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3), "", "")
	return parts[0], parts[1]
}
