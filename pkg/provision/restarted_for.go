package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// isRestartedFor reports whether an annotation dbtether.io/restarted-for names a revision
// of a user's credential: "analytics-ro@1/0c94e1f2,orders-api@4/7d3a90b1". It is pure.
func isRestartedFor(annotation string, user *v1alpha1.DatabaseUser, revision int64) bool {
	return slices.Contains(strings.Split(annotation, ","), restartEntry(user, revision))
}

// restartedFor returns the annotation with a user's entry set to a revision, and those of
// others as they are, sorted. It is pure.
func restartedFor(annotation string, user *v1alpha1.DatabaseUser, revision int64) string {
	entries := []string{restartEntry(user, revision)}
	for entry := range strings.SplitSeq(annotation, ",") {
		entry = strings.TrimSpace(entry)
		if name, _, _ := strings.Cut(entry, "@"); entry != "" && name != user.Name {
			entries = append(entries, entry)
		}
	}
	slices.Sort(entries)
	return strings.Join(slices.Compact(entries), ",")
}

// restartEntry says of which DatabaseUser the revision is, too: a template may outlive its
// user, or be copied to where another one has that name, and numbers begin again.
func restartEntry(user *v1alpha1.DatabaseUser, revision int64) string {
	uid := string(user.UID)
	return fmt.Sprintf("%s@%d/%s", user.Name, revision, uid[:min(len(uid), 8)])
}
