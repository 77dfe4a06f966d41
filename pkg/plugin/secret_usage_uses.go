package plugin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// secretUser is an object that refers to a Secret.
type secretUser struct {
	Object string `json:"object"` // pod/web-1
	// Namespace is set where it is another one than that of the Secret.
	Namespace string      `json:"namespace,omitempty"`
	Uses      []secretUse `json:"uses"`

	kind objectKind
	// owner controls a pod.
	owner *metav1.OwnerReference
}

// secretUse is a place, or several of the same sort, where an object refers to a Secret.
type secretUse struct {
	// How is env, envFrom, files, subPath, volume, driver or pull; or one of the ways of
	// objects that make no pods.
	How       string `json:"how"`
	Container string `json:"container,omitempty"`
	// ContainerKind is init or ephemeral; empty for the others.
	ContainerKind string `json:"containerKind,omitempty"`
	// Places are the variables, paths, hosts, …
	Places []string `json:"places,omitempty"`
	// Keys are those that are named; none: all, or those that the reader looks for.
	Keys     []string `json:"keys,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	// Revision is the revision that is referred to, where that is not the Secret itself.
	Revision string `json:"revision,omitempty"`
	// State says whether what is referred to is there; Lacks are the keys that are not.
	State string   `json:"state,omitempty"` // none of a revision
	Lacks []string `json:"lacks,omitempty"`
}

// The states of a use, beside stateUnknown and stateAbsent: there is no such Secret.
const (
	useOK    = "ok"
	useLacks = "lacks"
)

// useSubPath is a file that the kubelet does not replace.
const useSubPath = "subPath"

// newSecretUse returns the use of a Secret by a pod.
func newSecretUse(use review.Use) secretUse {
	u := secretUse{How: use.Way, Container: use.Container, ContainerKind: use.Kind, Keys: use.Keys, Optional: use.Optional}
	if use.Fixed {
		u.How = useSubPath
	}
	if place := cmp.Or(use.Variable, use.Path, use.Volume); place != "" {
		u.Places = []string{place}
	}
	return u
}

// add adds a use, to one of the same sort if there is one that names keys, too, or none.
func (u *secretUser) add(use secretUse) {
	i := slices.IndexFunc(u.Uses, func(o secretUse) bool {
		return o.How == use.How && o.Container == use.Container && o.ContainerKind == use.ContainerKind && o.Optional == use.Optional &&
			o.Revision == use.Revision && (len(o.Keys) == 0) == (len(use.Keys) == 0)
	})
	if i < 0 {
		use.Places, use.Keys = slices.Clone(use.Places), slices.Clone(use.Keys)
		u.Uses = append(u.Uses, use)
		return
	}
	u.Uses[i].Places = union(u.Uses[i].Places, use.Places)
	u.Uses[i].Keys = union(u.Uses[i].Keys, use.Keys)
}

// union returns all of one list, and what is only in the other.
func union(all, others []string) []string {
	for _, o := range others {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// judge sets the state of a use. Secret is nil where there is none, and seen is false where
// that could not be looked at.
func (u *secretUse) judge(secret *secretMeta, seen bool) {
	switch {
	case u.Revision != "": // it is of the revision, which never changes
	case !seen:
		u.State = stateUnknown
	case secret == nil:
		u.State = stateAbsent
	case len(u.Keys) == 0:
		u.State = useOK
	case secret.keys == nil:
		u.State = stateUnknown
	default:
		if u.Lacks = without(u.Keys, secret.keys); len(u.Lacks) == 0 {
			u.State, u.Lacks = useOK, nil
			return
		}
		u.State = useLacks
	}
}

// needs reports whether a pod is wrong without what the use names: nearly always it does not
// start.
func (u secretUse) needs() bool {
	return !u.Optional && slices.Contains([]string{review.UseEnv, review.UseEnvFrom, review.UseFiles, useSubPath, review.UseVolume}, u.How)
}

// text says in words how the Secret is used: env PGHOST, PGUSER. It names at most so many
// places; 0: all.
func (u secretUse) text(most int) string {
	how := u.How
	switch how {
	case review.UsePull:
		how = "image pull"
	case review.UseVolume:
		how = "volume that nobody mounts:"
	case review.UseDriver:
		how = "driver of a volume:"
	case useMount:
		how = "may be mounted"
	}
	text := how + " " + shortList(u.Places, most)
	text = strings.TrimSuffix(strings.TrimSpace(text), ":")
	if u.Revision != "" {
		text += " of " + u.Revision
	}
	if u.Optional {
		text += " (optional)"
	}
	return text
}

// state says the state in words.
func (u secretUse) state() string {
	optional := ""
	if u.Optional {
		optional = ", optional"
	}
	switch u.State {
	case useLacks:
		return "no key " + strings.Join(u.Lacks, ", ") + optional
	case stateAbsent:
		return "no such Secret" + optional
	default:
		return u.State
	}
}

// where names the container, with its kind.
func (u secretUse) where() string {
	if u.ContainerKind != "" {
		return u.Container + " (" + u.ContainerKind + ")"
	}
	return u.Container
}

// judge sets the state of each use of a Secret.
func (s *scan) judge(name string, secret *secretMeta, seen bool) {
	for _, user := range s.using[name] {
		for i := range user.Uses {
			user.Uses[i].judge(secret, seen)
		}
	}
}

// broken returns a line for each key of a Secret, or the Secret itself, that is not there
// although pods need it.
func (s *scan) broken(name string) []string {
	need := map[string][]string{}
	for _, user := range s.using[name] {
		for _, use := range user.Uses {
			lacks := use.Lacks
			if use.State == stateAbsent {
				lacks = []string{""}
			}
			for _, key := range lacks {
				if use.needs() {
					need[key] = union(need[key], []string{user.Object})
				}
			}
		}
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(need)) {
		what := fmt.Sprintf("Secret %q has no key %q", name, key)
		if key == "" {
			what = fmt.Sprintf("there is no Secret %q", name)
		}
		lines = append(lines, what+", which these need: "+shortList(need[key], shownAtMost))
	}
	return lines
}
