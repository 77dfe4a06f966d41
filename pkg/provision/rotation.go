package provision

import (
	"fmt"
	"strings"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Reasons of revisions, as their annotation has them. That of a rotation on request
// ends with the request, so that a run which was killed after it is known to have
// answered it.
const (
	reasonCreated   = "created with the login"
	reasonScheduled = "rotated on schedule"
	reasonRequested = "rotated on request "
)

// passwordState is what the decision about a password depends on.
type passwordState struct {
	now  time.Time
	user *v1alpha1.DatabaseUser
	// base is the name that the two logins of the user have in common.
	base string
	// closed is whether the user may not log in: there is nothing to rotate.
	closed bool
	// newest is the newest revision of the Secret; Number 0: none.
	newest revision.Revision
	// since is when the newest revision's password was made, and live when it took the
	// place of the one before: later, where a run was killed in between.
	since, live time.Time
	// pending is whether the newest revision's password is not live everywhere: an
	// earlier run was killed. changed is whether a live Secret shows another for whatever
	// reason.
	pending, changed bool
	// otherExists is whether the login that newest does not name exists and is ours.
	otherExists bool
	// heldBy are the running pods that were injected with the other login; unknown is
	// whether they could not be asked for.
	heldBy  []string
	unknown bool
	// endGrace ends the other login now, for a request that is not answered.
	endGrace bool
	// restore is the earlier credential that is wanted back; nil: none is.
	restore *Restore
}

// rotation is the decision.
type rotation struct {
	// login is the one that the Secret is to name, and rotate whether it gets a new
	// password; reason is that of the new revision.
	login  string
	rotate bool
	reason string
	// password is the one that it gets; empty: one is generated.
	password secret.Value
	// inPlace is whether sessions that were opened with the old password end.
	inPlace bool
	// other is the user's other login; "" if there is none, or it is the one that is
	// rotated to. dropOther is whether it ends now.
	other     string
	dropOther bool
	// otherUntil is when the other login ends at the earliest.
	otherUntil time.Time
	// request is the last request that is answered by now, and waiting one that cannot be
	// answered yet. owed is whether a request is left for another run, right after this one.
	request, waiting string
	owed             bool
	// next is when the schedule asks again.
	next     time.Time
	warnings []string
	// heldBy and live are those of the passwordState that this was decided by.
	heldBy []string
	live   time.Time
}

// decide says what happens to a password. It is pure. The error is why a request cannot
// be answered now; the rotation is what happens meanwhile.
func (s passwordState) decide() (rotation, error) {
	r := rotation{login: s.base, request: s.answered()}
	if s.newest.Number == 0 { // whatever was asked for: a password is made now
		r.request = v1alpha1.RotationRequest(s.user.Annotations)
		r.next = due(s.user, s.now)
		return r, nil
	}
	if name := string(s.newest.Data["username"]); name == s.second() {
		r.login = name
	}
	r.next = due(s.user, s.counted())
	rotated := strings.HasPrefix(s.newest.Reason, "rotated ")
	if s.pending && rotated {
		r.inPlace = true // its sessions may have been opened with the password before
	}
	request := v1alpha1.RotationRequest(s.user.Annotations)
	requested := request != "" && request != r.request
	s.endGrace = s.endGrace && requested // once it is answered, the other login is that of the rotation asked for
	s.retire(&r)
	if s.restore != nil {
		return s.restored(r)
	}
	scheduled := !r.next.IsZero() && !s.now.Before(r.next)
	unsettled := s.pending || s.changed
	r.owed = requested && unsettled && !s.closed
	if unsettled || !requested && !scheduled || s.closed {
		return r, nil
	}
	if blocked := s.blocked(r); blocked != nil {
		if requested {
			return r, blocked
		}
		r.warnings = append(r.warnings, "the rotation that is due waits: "+blocked.Error())
		return r, nil
	}
	s.rotate(&r, requested, request)
	return r, nil
}

// wentLive returns when the newest revision's password took the place of the one before:
// now, where it has not yet. The status may know of a later time than that at which the
// password was made.
func (s passwordState) wentLive() time.Time {
	last := s.user.Status.Rotation
	switch {
	case s.pending:
		return s.now
	case last != nil && last.LastTime != nil && last.LastTime.After(s.since) && !last.LastTime.After(s.now):
		return last.LastTime.Time
	default:
		return s.since
	}
}

// clocksDiffer is by how much our clock may be ahead of the API server's, which says when a
// revision was made, before what is due is counted by our own.
const clocksDiffer = 10 * time.Minute

// counted returns since when the schedule counts: when the password was made, as the API
// server says. Where our clock is far ahead of its, that is when it went live by ours, as
// the status says: otherwise every run would find the password too old, and replace it
// once more. A time that is still to come was written while our clock was wrong.
func (s passwordState) counted() time.Time {
	last := s.user.Status.Rotation
	if last != nil && last.LastTime != nil && last.LastTime.Sub(s.since) > clocksDiffer && !last.LastTime.After(s.now) {
		return last.LastTime.Time
	}
	return s.since
}

// answered returns the last request that was answered: the status may be one behind.
func (s passwordState) answered() string {
	request := v1alpha1.RotationRequest(s.user.Annotations)
	if request != "" && s.newest.Reason == reasonRequested+request {
		return request
	}
	if s.user.Status.Rotation != nil {
		return s.user.Status.Rotation.Request
	}
	return ""
}

// second returns the name of the second of the two logins.
func (s passwordState) second() string { return s.base + v1alpha1.AlternateSuffix }

// due returns when the schedule asks for another password than that of since; zero
// without a schedule.
func due(user *v1alpha1.DatabaseUser, since time.Time) time.Time {
	if user.Spec.Rotation == nil || user.Spec.Rotation.Days == 0 {
		return time.Time{}
	}
	return since.Add(time.Duration(user.Spec.Rotation.Days) * 24 * time.Hour)
}

// retire decides about the login that the Secret no longer names.
func (s passwordState) retire(r *rotation) {
	if !s.otherExists {
		return
	}
	r.other = s.base
	if r.login == s.base {
		r.other = s.second()
	}
	r.otherUntil = s.live.Add(s.user.GracePeriod())
	over := s.endGrace || !s.now.Before(r.otherUntil) && len(s.heldBy) == 0 && !s.unknown
	// Before the new credential is live nobody can have moved to it.
	r.dropOther = over && !s.pending && !s.changed
	switch {
	case r.dropOther:
	case len(s.heldBy) > 0 && !s.now.Before(r.otherUntil):
		r.warnings = append(r.warnings, fmt.Sprintf("login %q still works: running pods were injected with it: %s", r.other, strings.Join(s.heldBy, ", ")))
	case s.unknown && !s.now.Before(r.otherUntil):
		r.warnings = append(r.warnings, fmt.Sprintf("login %q still works: whoever ran this may not list pods, so that nobody knows who uses it", r.other))
	}
}

// blocked says why the password cannot be replaced now: the other login of an
// alternate rotation is still in use.
func (s passwordState) blocked(r rotation) error {
	if s.user.Strategy() == v1alpha1.RotateInPlace || r.other == "" || r.dropOther {
		return nil
	}
	why := "its grace period lasts until " + r.otherUntil.UTC().Format(time.RFC3339)
	if len(s.heldBy) > 0 {
		why = "running pods were injected with it: " + strings.Join(s.heldBy, ", ")
	}
	return failed("wait for that, or end the old login now: kubectl dbtether user rotate "+s.user.Name+" --force",
		"the rotation before this one is not over: login %q still works, %s", r.other, why)
}

// rotate gives the password to the other login, or, in place, a new one to the same.
func (s passwordState) rotate(r *rotation, requested bool, request string) {
	r.rotate, r.reason = true, reasonScheduled
	if requested {
		r.request, r.reason = request, reasonRequested+request
	}
	r.next = due(s.user, s.now)
	if s.user.Strategy() == v1alpha1.RotateInPlace {
		r.inPlace = true
		return
	}
	before := r.login
	r.login = s.second()
	if before == r.login {
		r.login = s.base
	}
	// The other login, whose time is over, becomes the new one: whoever still has a
	// session of it had a password that is gone.
	r.inPlace = r.other != ""
	r.other, r.dropOther = before, false
	r.otherUntil = s.now.Add(s.user.GracePeriod())
}

// firstWith returns the oldest revision of those in a row that have the login and the
// password of the newest one: what holds it, or a later one, has the password that works.
func firstWith(history revision.History, newest revision.Revision) revision.Revision {
	first := newest
	for i := len(history.Revisions) - 1; i >= 0; i-- {
		r := history.Revisions[i]
		if r.Number > newest.Number || r.OwnerUID != newest.OwnerUID {
			continue
		}
		if string(r.Data["password"]) != string(newest.Data["password"]) || string(r.Data["username"]) != string(newest.Data["username"]) {
			break
		}
		first = r
	}
	return first
}
