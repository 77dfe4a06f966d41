package check

import (
	"k8s.io/apimachinery/pkg/util/version"
)

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

// oldest is the first version with ValidatingAdmissionPolicy in
// admissionregistration.k8s.io/v1.
const oldest = "1.30.0"

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
	have, err := version.ParseGeneric(a.Version)
	switch {
	case err != nil:
		f.add(checkVersion, LevelWarning, "see what it is: kubectl version", "the version of Kubernetes, %q, cannot be read", a.Version)
	case have.LessThan(version.MustParseGeneric(oldest)):
		f.add(checkVersion, LevelError, "upgrade the cluster: ValidatingAdmissionPolicy came with Kubernetes 1.30", "Kubernetes is %s, older than 1.30", a.Version)
	default:
		f.ok(checkVersion, "Kubernetes is %s", a.Version)
	}
	return f
}

// Answers reports whether the API server does.
func (a API) Answers() bool { return a.Err == nil }
