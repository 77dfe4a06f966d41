package review

import (
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Container is a container of a pod, and what it takes of Secrets.
type Container struct {
	Name string
	// Kind is init or ephemeral; empty for the others.
	Kind string
	// Taken has an entry for each Secret, in the order in which the container refers to them.
	Taken []Taken
}

// Taken is how a container uses a Secret.
type Taken struct {
	Secret string
	// Variables are the names of the variables with one of its keys, in the order of the pod.
	Variables []string
	// All says that each of its keys is a variable: envFrom.
	All bool
	// Mounts are the paths at which its keys are files.
	Mounts []string
	// Fixed are those of Mounts whose files the kubelet does not replace when the Secret
	// changes: mounts of a subPath.
	Fixed []string
}

// InEnvironment reports whether the container has some of the Secret in its environment.
func (t Taken) InEnvironment() bool { return t.All || len(t.Variables) > 0 }

// Of returns what the container takes of one of the Secrets; false if nothing.
func (c Container) Of(secrets ...string) (Taken, bool) {
	for _, t := range c.Taken {
		if slices.Contains(secrets, v1alpha1.LiveSecret(t.Secret)) {
			return t, true
		}
	}
	return Taken{}, false
}

// Containers returns how each container of a pod, given as JSON, uses Secrets: init
// containers first, then the others, then ephemeral ones. Others are the Secrets, each once,
// of volumes that no container mounts, and of those whose driver reads the Secret. It does no
// I/O, and returns names only.
func Containers(pod []byte) (containers []Container, others []string, err error) {
	decoded, err := readUsingPod(pod)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range decoded.containers() {
		containers = append(containers, Container{Name: c.name, Kind: c.kind, Taken: taken(c.uses)})
	}
	for _, use := range decoded.idle() {
		if !slices.Contains(others, use.Secret) {
			others = append(others, use.Secret)
		}
	}
	return containers, others, nil
}

// taken sums up the uses of a container.
func taken(uses []Use) (all []Taken) {
	for _, use := range uses {
		at := slices.IndexFunc(all, func(t Taken) bool { return t.Secret == use.Secret })
		if at < 0 {
			at = len(all)
			all = append(all, Taken{Secret: use.Secret})
		}
		t := &all[at]
		switch {
		case use.Way == UseEnv:
			t.Variables = append(t.Variables, use.Variable)
		case use.Way == UseEnvFrom:
			t.All = true
		case !slices.Contains(t.Mounts, use.Path): // further files are a second source
			t.Mounts = append(t.Mounts, use.Path)
			if use.Fixed {
				t.Fixed = append(t.Fixed, use.Path)
			}
		}
	}
	return all
}
