package check

import "github.com/dbtether/kubectl-dbtether/pkg/install"

// API is the API server.
type API struct {
	// Version is as in v1.37.1.
	Version string
	Err     error
}

// The checks of the API server.
const (
	checkReachable = "api-reachable"
	checkVersion   = "api-version"
)

// Findings returns what is found of it. Where it does not answer, nothing else is worth
// looking at.
func (a API) Findings() []Finding {
	var f findings
	if a.Err != nil {
		f.add(checkReachable, LevelError, "see whether the context is the right one: kubectl config current-context; and whether it can be reached: kubectl cluster-info",
			"the API server does not answer: %v", a.Err)
		return f
	}
	f.ok(checkReachable, "the API server answers")
	old, err := install.OlderKubernetes(a.Version)
	switch {
	case err != nil:
		f.add(checkVersion, LevelWarning, "see what it is: kubectl version", "the version of Kubernetes, %q, cannot be read", a.Version)
	case old:
		f.add(checkVersion, LevelError, "upgrade the cluster: ValidatingAdmissionPolicy came with Kubernetes "+install.OldestKubernetes,
			"Kubernetes is %s, older than %s", a.Version, install.OldestKubernetes)
	default:
		f.ok(checkVersion, "Kubernetes is %s", a.Version)
	}
	return f
}

// Answers reports whether the API server does.
func (a API) Answers() bool { return a.Err == nil }
