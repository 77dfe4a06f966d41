package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Kubernetes chooses the version of a control plane. As a flag it is one of two words.
type Kubernetes string

// The versions that a control plane can have.
const (
	Newest Kubernetes = ""       // what hack/controlplane pins
	Oldest Kubernetes = "oldest" // what hack/controlplane/oldest pins: the oldest that dbtether supports
)

// newestWord is how a flag calls Newest.
const newestWord = "newest"

// String is the word of a flag.
func (k *Kubernetes) String() string {
	if *k == Newest {
		return newestWord
	}
	return string(*k)
}

// Set takes the word of a flag.
func (k *Kubernetes) Set(word string) error {
	switch word {
	case newestWord:
		*k = Newest
	case string(Oldest):
		*k = Oldest
	default:
		return fmt.Errorf("%q is neither %s nor %s", word, newestWord, Oldest)
	}
	return nil
}

// Type is what a flag takes, for its help.
func (k *Kubernetes) Type() string { return "version" }

// findOldest returns the API server and the kubectl of the oldest version, from
// setup-envtest, else built as hack/controlplane/oldest pins them, beside an etcd of any
// version. $KUBEBUILDER_ASSETS is one version, and not asked for another.
func findOldest(ctx context.Context, etcd string, log logFunc) (controlPlaneBinaries, error) {
	pinned, versions, err := readPinned(ctx, "hack/controlplane/oldest", kubernetesModule)
	if err != nil {
		return controlPlaneBinaries{}, err
	}
	module := pinnedControlPlane{pinnedModule: pinned, kubernetes: versions[0]}
	module.cache = controlPlaneCache(pinned.cache, module.kubernetes)
	found := controlPlaneBinaries{apiServer: filepath.Join(module.cache, "kube-apiserver"), etcd: etcd, kubectl: filepath.Join(module.cache, "kubectl")}
	if isExecutable(found.apiServer) && isExecutable(found.kubectl) {
		return found, nil
	}
	downloaded, err := setupEnvtest(ctx, module.kubernetes, log)
	if err == nil {
		// Not the kubectl of PATH: it is of another version.
		downloaded.kubectl = filepath.Join(filepath.Dir(downloaded.apiServer), "kubectl")
		return downloaded, nil
	}
	if !errors.Is(err, exec.ErrNotFound) {
		log("setup-envtest gives no binaries, so they are built: %v", err)
	}
	return found, module.build(ctx, []buildTarget{module.target("kube-apiserver"), module.target("kubectl")}, log)
}
