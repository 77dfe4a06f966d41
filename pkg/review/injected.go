package review

import "github.com/dbtether/kubectl-dbtether/pkg/inject"

// HoldsOlder reports whether the annotation dbtether.io/injected of a pod says that
// it has a revision of the user's credential before the given one in its environment.
// The annotation reads "orders-api@3:env+files,analytics-ro@1:files"; what does not
// is taken for an older one, because a login that is in use must not end.
func HoldsOlder(injected, user string, revision int64) bool {
	for _, i := range inject.ReadInjected(injected) {
		if i.User == user && (i.Revision < 0 || i.Revision < revision && inject.HasEnvironment(i.Form)) {
			return true
		}
	}
	return false
}
