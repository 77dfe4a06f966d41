package review

import (
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

// HoldsOlder reports whether the annotation dbtether.io/injected of a pod says that
// it has a revision of the user's credential before the given one in its environment.
// The annotation reads "orders-api@3:env+files,analytics-ro@1:files"; what does not
// is taken for an older one, because a login that is in use must not end.
func HoldsOlder(injected, user string, revision int64) bool {
	for entry := range strings.SplitSeq(injected, ",") {
		name, rest, _ := strings.Cut(strings.TrimSpace(entry), "@")
		if _, after, aliased := strings.Cut(name, "="); aliased {
			name = after
		}
		if name != user {
			continue
		}
		number, form, _ := strings.Cut(rest, ":")
		has, err := strconv.ParseInt(number, 10, 64)
		if err != nil || has < revision && inject.HasEnvironment(form) {
			return true
		}
	}
	return false
}
