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
func FetchControlPlane(ctx context.Context, which Kubernetes, log func(format string, a ...any)) (binDir string, err error) {
	binaries, err := findControlPlane(ctx, which, logFunc(log).orSilent())
	return filepath.Dir(binaries.apiServer), err
}

func findControlPlane(ctx context.Context, which Kubernetes, log logFunc) (controlPlaneBinaries, error) {
	newest, err := findNewest(ctx, log)
	if err != nil || which == Newest {
		return newest, err
	}
	return findOldest(ctx, newest.etcd, log)
}

// findNewest takes binaries from $KUBEBUILDER_ASSETS, else from setup-envtest, else
// builds what hack/controlplane pins.
func findNewest(ctx context.Context, log logFunc) (controlPlaneBinaries, error) {
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
	dir, err := module.obtain(ctx, module.targets(), log)
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	return binariesIn(dir)
}

// findOldest takes the API server and the kubectl of the oldest version from setup-envtest,
// else builds them as hack/controlplane/oldest pins them, beside an etcd of any version.
// $KUBEBUILDER_ASSETS is of one version, and is not asked for another.
func findOldest(ctx context.Context, etcd string, log logFunc) (controlPlaneBinaries, error) {
	pinned, versions, err := readPinned(ctx, "hack/controlplane/oldest", kubernetesModule)
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	module := pinnedControlPlane{pinnedModule: pinned, kubernetes: versions[0]}
	module.cache = controlPlaneCache(pinned.cache, module.kubernetes)
	// Not the kubectl of PATH: it is of another version.
	in := func(dir string) controlPlaneBinaries {
		return controlPlaneBinaries{apiServer: filepath.Join(dir, "kube-apiserver"), etcd: etcd, kubectl: filepath.Join(dir, "kubectl")}
	}
	if built := in(module.cache); isExecutable(built.apiServer) && isExecutable(built.kubectl) {
		return built, nil
	}
	dir, err := module.obtain(ctx, []buildTarget{module.target("kube-apiserver"), module.target("kubectl")}, log)
	return in(dir), err
}

// binariesIn returns the binaries of a folder, with the kubectl of PATH if there is one. It
// fails if one is missing.
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
// release of the pinned minor version, as not every patch release is published
// there, and returns the folder of the binaries. The error is exec.ErrNotFound where
// there is no downloader.
func setupEnvtest(ctx context.Context, version string, log logFunc) (dir string, err error) {
	tool, err := exec.LookPath("setup-envtest")
	if err != nil {
		return "", err
	}
	major, minor := majorMinor(version)
	wanted := major + "." + minor + ".x"
	log("asking setup-envtest for Kubernetes %s", wanted)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	said, err := runCommand(ctx, exec.Command(tool, "use", "-p", "path", wanted))
	if err != nil {
		return "", err
	}
	dir = strings.TrimSpace(said)
	_, err = binariesIn(dir)
	return dir, err
}

// pinnedControlPlane is the module hack/controlplane and what is built from it.
type pinnedControlPlane struct {
	pinnedModule
	kubernetes string // version
	etcd       string // version
}

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
)

func controlPlaneModule(ctx context.Context) (pinnedControlPlane, error) {
	module, versions, err := readPinned(ctx, "hack/controlplane", kubernetesModule, etcdModule)
	if err != nil {
		return pinnedControlPlane{}, err
	}
	p := pinnedControlPlane{pinnedModule: module, kubernetes: versions[0], etcd: versions[1]}
	p.cache = controlPlaneCache(module.cache, p.kubernetes)
	return p, nil
}

// controlPlaneCache is the folder, in that of all caches, of a version's binaries.
func controlPlaneCache(dir, version string) string {
	return filepath.Join(dir, "controlplane", version+"-"+runtime.GOOS+"-"+runtime.GOARCH)
}

// obtain returns a folder with the binaries: that of setup-envtest, else the cache, into
// which the targets are built.
func (p pinnedControlPlane) obtain(ctx context.Context, targets []buildTarget, log logFunc) (dir string, err error) {
	if dir, err = setupEnvtest(ctx, p.kubernetes, log); err == nil {
		return dir, nil
	}
	if !errors.Is(err, exec.ErrNotFound) {
		log("setup-envtest gives no binaries, so they are built: %v", err)
	}
	return p.cache, p.build(ctx, targets, log)
}

// targets leaves kubectl out where there is one.
func (p pinnedControlPlane) targets() []buildTarget {
	targets := []buildTarget{
		{name: "etcd", version: p.etcd, pkg: etcdModule, flags: p.linkerFlags()},
		p.target("kube-apiserver"),
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		targets = append(targets, p.target("kubectl"))
	}
	return targets
}

// target is a command of Kubernetes.
func (p pinnedControlPlane) target(name string) buildTarget {
	return buildTarget{name: name, version: p.kubernetes, pkg: kubernetesModule + "/cmd/" + name, flags: p.linkerFlags()}
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
