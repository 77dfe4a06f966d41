package testenv

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// NodeBinaries are the programs of a Kubernetes cluster with one node. Each field is
// a folder, but for Kubectl.
type NodeBinaries struct {
	Server     string // kube-apiserver and etcd
	Kubernetes string // kubelet, kube-controller-manager and kube-scheduler
	Runtime    string // containerd, its shim and ctr, runc, and the network plugins
	Kubectl    string
}

// ErrNoSeccomp says that runc cannot be built here.
var ErrNoSeccomp = errors.New("runc is built with libseccomp: install gcc, pkg-config and libseccomp-dev")

// FetchNode makes sure that all of them are there, building those that are not with
// the go command, as hack/controlplane and hack/noderuntime pin them. The error is
// ErrNoSeccomp where runc is missing and cannot be built.
func FetchNode(ctx context.Context, log func(format string, a ...any)) (NodeBinaries, error) {
	say := logFunc(log).orSilent()
	server, err := findControlPlane(ctx, Newest, say)
	if err != nil {
		return NodeBinaries{}, err
	}
	found := NodeBinaries{Server: filepath.Dir(server.apiServer), Kubectl: server.kubectl}
	kubernetes, err := controlPlaneModule(ctx)
	if err != nil {
		return found, err
	}
	found.Kubernetes = kubernetes.cache
	runtimes, err := nodeRuntimeModule(ctx)
	if err != nil {
		return found, err
	}
	found.Runtime = runtimes.cache
	if !isExecutable(filepath.Join(runtimes.cache, "runc")) && !hasSeccomp(ctx) {
		return found, ErrNoSeccomp
	}
	if err := runtimes.build(ctx, runtimes.targets(), say); err != nil {
		return found, err
	}
	parts := []buildTarget{kubernetes.target("kubelet"), kubernetes.target("kube-controller-manager"), kubernetes.target("kube-scheduler")}
	return found, kubernetes.build(ctx, parts, say)
}

// pinnedNodeRuntime is the module hack/noderuntime.
type pinnedNodeRuntime struct {
	pinnedModule
	containerd, runc, plugins string // versions
}

const (
	containerdModule = "github.com/containerd/containerd/v2"
	runcModule       = "github.com/opencontainers/runc"
	pluginsModule    = "github.com/containernetworking/plugins"
)

func nodeRuntimeModule(ctx context.Context) (pinnedNodeRuntime, error) {
	module, versions, err := readPinned(ctx, "hack/noderuntime", containerdModule, runcModule, pluginsModule)
	if err != nil {
		return pinnedNodeRuntime{}, err
	}
	p := pinnedNodeRuntime{module, versions[0], versions[1], versions[2]}
	p.cache = filepath.Join(module.cache, "noderuntime", strings.Join([]string{
		"containerd", p.containerd, "runc", p.runc, "plugins", p.plugins, runtime.GOOS, runtime.GOARCH}, "-"))
	return p, nil
}

// targets are built without what a test needs no library for: other snapshotters.
func (p pinnedNodeRuntime) targets() []buildTarget {
	// Namespaces are entered in C, before Go's runtime starts; seccomp is what the
	// restricted Pod Security Standard asks for.
	targets := []buildTarget{{name: "runc", version: p.runc, pkg: runcModule, cgo: true,
		tags: "netgo osusergo seccomp", flags: "-s -w -extldflags -static -X main.version=" + strings.TrimPrefix(p.runc, "v")}}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		targets = append(targets, buildTarget{name: name, version: p.containerd, pkg: containerdModule + "/cmd/" + name,
			tags: "no_btrfs no_devmapper no_zfs", flags: "-s -w -X " + containerdModule + "/version.Version=" + p.containerd})
	}
	for _, pkg := range []string{"main/bridge", "main/loopback", "ipam/host-local"} {
		targets = append(targets, buildTarget{name: filepath.Base(pkg), version: p.plugins, pkg: pluginsModule + "/plugins/" + pkg, flags: "-s -w"})
	}
	return targets
}

func hasSeccomp(ctx context.Context) bool {
	if _, err := exec.LookPath("gcc"); err != nil {
		return false
	}
	_, err := runCommand(ctx, exec.Command("pkg-config", "--exists", "libseccomp"))
	return err == nil
}
