package review

import "github.com/dbtether/kubectl-dbtether/pkg/inject"

// HoldsOlder reports whether the annotation dbtether.io/injected of a pod says that it has an
// older revision of the user's credential in its environment than the given one. The
// annotation reads "orders-api@3:env+files,analytics-ro@1:files"; an entry that cannot be
// read counts as older, because a login that is in use must not end.
func HoldsOlder(injected, user string, revision int64) bool {
	for _, i := range inject.ReadInjected(injected) {
		if i.User == user && (i.Revision < 0 || i.Revision < revision && inject.HasEnvironment(i.Form)) {
			return true
		}
	}
	return false
}
