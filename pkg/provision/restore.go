package provision

import (
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Restore is the credential of an earlier revision that a user is to have again.
type Restore struct {
	// Revision is the number of that revision, Seen that of the one which the caller has
	// seen to be live: where there is another by now, it is refused.
	Revision, Seen int64
	Username       string
	Password       secret.Value
	// Reason is why, in the author's words; empty: none is given.
	Reason string
}

// reason is that of the new revision.
func (r *Restore) reason() string {
	said := fmt.Sprintf("rolled back to revision %d", r.Revision)
	if r.Reason != "" {
		said += ": " + r.Reason
	}
	return said
}

// restored decides about a password that is to be an earlier one again: the same login
// gets it, in PostgreSQL and in the Secret. That of another login is refused, which may
// not exist any more, and would not have the rights that the user has now.
func (s passwordState) restored(r rotation) (rotation, error) {
	switch {
	case string(s.newest.Data["password"]) == s.restore.Password.Reveal() && string(s.newest.Data["username"]) == s.restore.Username:
		return r, nil // it is so, or a run that was killed had begun to make it so
	case s.newest.Number == 0:
		return r, failed("finish that: kubectl dbtether reconcile user/"+s.user.Name, "DatabaseUser %q has no password so far", s.user.Name)
	case s.closed:
		return r, failed("move spec.expiresAt, or take it away", "the login of DatabaseUser %q is closed", s.user.Name)
	case s.pending || s.changed:
		return r, failed("finish that: kubectl dbtether reconcile user/"+s.user.Name, "the password of DatabaseUser %q is being replaced: the newest one is not live yet", s.user.Name)
	case s.restore.Seen != s.newest.Number:
		return r, failed("look at its history, and run the command again", "the password of DatabaseUser %q was replaced meanwhile: revision %d is %s", s.user.Name, s.newest.Number, s.newest.Reason)
	case s.restore.Username != r.login:
		return r, failed("give it a new password instead: kubectl dbtether user rotate "+s.user.Name,
			"revision %d holds the login %q, and DatabaseUser %q logs in as %q now", s.restore.Revision, s.restore.Username, s.user.Name, r.login)
	}
	r.rotate, r.reason, r.password = true, s.restore.reason(), s.restore.Password
	r.next = due(s.user, s.now)
	return r, nil
}
