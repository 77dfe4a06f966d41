package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// check fails if the pod has no containers, or lacks one of those that are asked for by name.
func (p *Pod) check(names []string, o options) error {
	if len(p.containers) == 0 {
		return errors.New("it has no containers")
	}
	for _, name := range names {
		if has(p.containers, name) || has(p.initContainers, name) || o.ephemeral && has(p.ephemeralContainers, name) {
			continue
		}
		have := make([]string, 0, len(p.initContainers)+len(p.containers))
		for _, containers := range [][]container{p.initContainers, p.containers} {
			for _, c := range containers {
				have = append(have, c.name)
			}
		}
		if len(have) > maxItems {
			have = have[:maxItems]
		}
		fix := "it has " + strings.Join(have, ", ")
		if near, ok := nearest(name, have); ok {
			fix = fmt.Sprintf("write %s; %s", quote(near), fix)
		}
		return Problem{Annotation: v1alpha1.AnnotationContainers, Message: "the pod has no container " + quote(name), Fix: fix}
	}
	return nil
}

// readable fails if a container could not read files of the mode that is asked for. The files
// belong to root and, if the pod names an fsGroup, to that group, for which the kubelet makes
// them readable (Kubernetes documentation, "Configure a Security Context"). Windows has no
// such modes.
func (p *Pod) readable(ask *Ask) error {
	if ask.Mode == 0 || ask.Mode&0o004 != 0 || p.fsGroup || p.windows {
		return nil
	}
	for _, containers := range [][]container{p.initContainers, p.containers} {
		for _, c := range containers {
			user := c.user
			if user == accountUnknown {
				user = p.user
			}
			if user != accountOther || len(ask.Containers) > 0 && !slices.Contains(ask.Containers, c.name) {
				continue
			}
			return Problem{Annotation: v1alpha1.AnnotationFileMode,
				Message: fmt.Sprintf("files of mode %04o are root's, and container %s does not run as root", ask.Mode, quote(c.name)),
				Fix:     "set spec.securityContext.fsGroup, or write 0444"}
		}
	}
	return nil
}

// has reports whether one of the containers has the name.
func has(containers []container, name string) bool {
	return slices.ContainsFunc(containers, func(c container) bool { return c.name == name })
}
