package check

import (
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Work are the resources of the namespaces that are looked at.
type Work struct {
	// Namespace is where they are; empty: everywhere.
	Namespace string
	Databases []v1alpha1.Database
	Users     []v1alpha1.DatabaseUser
	// DatabasesErr and UsersErr are why they could not be read.
	DatabasesErr, UsersErr error
	Now                    time.Time
}

// where returns the flag by which a command is about the same namespaces.
func (w Work) where() string {
	if w.Namespace == "" {
		return "-A"
	}
	return "-n " + w.Namespace
}

// object returns the name of an object: with its namespace, where all are looked at.
func (w Work) object(namespace, name string) string {
	if w.Namespace == "" {
		return namespace + "/" + name
	}
	return name
}

// late reports whether something that was due at a time should be done by now.
func (w Work) late(due time.Time) bool { return !due.IsZero() && w.Now.Sub(due) > overdue }

// findings adds what is overdue.
func (w Work) findings(f *findings) {
	if w.DatabasesErr != nil || w.UsersErr != nil {
		return // the resources say so
	}
	var expired, rotate, old, deleted, never []string
	for i := range w.Users {
		u := &w.Users[i]
		name := "user " + w.object(u.Namespace, u.Name)
		status := u.Status
		switch {
		case u.DeletionTimestamp != nil:
			if w.late(u.DeletionTimestamp.Time) {
				deleted = append(deleted, name)
			}
			continue
		case unbegun(status.Phase):
			if w.late(u.CreationTimestamp.Time) {
				never = append(never, name)
			}
			continue
		case u.Spec.ExpiresAt != nil && !w.Now.Before(u.Spec.ExpiresAt.Time):
			if status.Phase != v1alpha1.PhaseExpired {
				expired = append(expired, name)
			}
			continue
		}
		if r := status.Rotation; r != nil {
			if r.NextTime != nil && w.late(r.NextTime.Time) {
				rotate = append(rotate, name)
			}
			if r.OldUsername != "" && r.OldUntil != nil && w.late(r.OldUntil.Time) && len(r.HeldBy) == 0 {
				old = append(old, name)
			}
		}
	}
	for i := range w.Databases {
		d := &w.Databases[i]
		name := "database " + w.object(d.Namespace, d.Name)
		switch {
		case d.DeletionTimestamp != nil && w.late(d.DeletionTimestamp.Time):
			deleted = append(deleted, name)
		case d.DeletionTimestamp == nil && unbegun(d.Status.Phase) && w.late(d.CreationTimestamp.Time):
			never = append(never, name)
		}
	}
	w.tell(f, checkExpiredUsers, LevelError, expired, "expired, and nobody has ended its login and its sessions")
	w.tell(f, checkOverdue, LevelWarning, rotate, "should have a new password by now")
	w.tell(f, checkOverdue, LevelWarning, old, "should have no old login any more")
	w.tell(f, checkOverdue, LevelWarning, deleted, "deleted more than ten minutes ago, and not cleaned up in PostgreSQL")
	w.tell(f, checkOverdue, LevelWarning, never, "written more than ten minutes ago, and never provisioned")
	f.okUnless(checkExpiredUsers, "every user that has expired is closed")
	f.okUnless(checkOverdue, "nothing is overdue")
}

// tell adds a finding, unless there is nothing to tell of.
func (w Work) tell(f *findings, check string, level Level, names []string, what string) {
	if len(names) > 0 {
		f.add(check, level, "run: kubectl dbtether reconcile "+w.where(), "%s: %s", few(names), what)
	}
}

// unbegun reports whether nobody has worked on what has this phase.
func unbegun(phase string) bool { return phase == "" || phase == v1alpha1.PhasePending }
