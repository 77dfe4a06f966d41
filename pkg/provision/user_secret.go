package provision

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// SecretChanges are the Secrets that a run writes, and those that it deletes because
// nothing names them any more, as namespace/name.
type SecretChanges struct{ Written, Deleted []string }

// Empty reports whether no Secret changes.
func (c SecretChanges) Empty() bool { return len(c.Written)+len(c.Deleted) == 0 }

// userSecret is one Secret of a user, and its history.
type userSecret struct {
	target  revision.Target
	history revision.History
	// access is the database that it names, databases all that it lists.
	access    access
	databases []string
	// data is what it should carry; nil until there is a password.
	data secret.Data
	// revision is the newest one, or the staged one; Number 0: none.
	revision revision.Revision
	// version is the live Secret's resourceVersion after promote; empty: not known.
	version string
}

// read reads the Secret and its history, and refuses one that belongs to something
// else.
func (s *userSecret) read(ctx context.Context, j *Job) error {
	var err error
	if s.history, err = j.p.revisions().Read(ctx, s.target.Namespace, s.target.Name); err != nil {
		return noAccess(err, fmt.Sprintf("secret %q in namespace %q", s.target.Name, s.target.Namespace))
	}
	target := s.target
	if target.OwnerUID == "" {
		target.OwnerUID = unmade
	}
	if err := s.history.Check(target); err != nil {
		return err
	}
	if err := s.ofNoCluster(ctx, j); err != nil {
		return err
	}
	if live := s.history.Live; live != nil && !live.Managed && j.p.Runner {
		return s.notByRunner()
	}
	return nil
}

// notByRunner refuses to take a Secret over: whoever may write a DatabaseUser need not be
// allowed to write the Secrets beside it, and must not have the runner do so.
func (s *userSecret) notByRunner() error {
	return failed("choose another name in spec.secretTemplate.name; or whoever may write the Secret, and read the administrator's credential, takes it over by name: kubectl dbtether reconcile user/NAME",
		"secret %q in namespace %q exists and is not managed by this resource, and a run for others takes none over", s.target.Name, s.target.Namespace)
}

// ofNoCluster refuses a Secret that a DBCluster reads: whoever may write a DatabaseUser
// beside it would put a credential of hers in the administrator's place. Other clusters
// are asked about where a Secret is taken over.
func (s *userSecret) ofNoCluster(ctx context.Context, j *Job) error {
	clusters := []v1alpha1.DBCluster{*j.Cluster}
	if live := s.history.Live; live != nil && !live.Managed {
		items, err := j.p.list(ctx, v1alpha1.DBClusters, metav1.NamespaceAll)
		if err != nil && (j.p.Runner || !apierrors.IsForbidden(err)) { // she who may not look writes what she may herself
			return err
		}
		for i := range items {
			cluster := v1alpha1.DBCluster{}
			if err := typed(&items[i], &cluster); err != nil {
				return err
			}
			clusters = append(clusters, cluster)
		}
	}
	for _, cluster := range clusters {
		if cluster.Reads(s.target.Namespace, s.target.Name) {
			return failed("choose another name in spec.secretTemplate.name",
				"secret %q in namespace %q belongs to cluster %q, which reads it", s.target.Name, s.target.Namespace, cluster.Name)
		}
	}
	return nil
}

// unmade stands for the UID of a resource that does not exist yet: no Secret is its
// own, and it may take one over like any other.
const unmade types.UID = "-"

// stages reports whether a new revision is needed.
func (s *userSecret) stages() bool { return s.revision.Number == 0 || !s.revision.Data.Equal(s.data) }

// writes reports whether the live Secret or its history will change.
func (s *userSecret) writes() bool {
	return s.stages() || s.history.Live == nil || s.history.Live.Revision != s.revision.Number || !s.history.Live.Holds(s.data, s.target)
}

// showsOther reports whether the live Secret shows another credential than a revision:
// applications still log in with that.
func (s *userSecret) showsOther(than revision.Revision) bool {
	live := s.history.Live
	return live != nil && live.Managed && live.OwnerUID == s.target.OwnerUID && !sameLogin(live.Data, than.Data)
}

// isBehind reports whether a run was killed before it made a revision's credential live
// here.
func (s *userSecret) isBehind(newest revision.Revision) bool {
	return s.showsOther(newest) && (s.history.Live.Revision < s.revision.Number || !sameLogin(s.revision.Data, newest.Data))
}

// reason returns why a Secret gets a revision. A run that was killed may have written
// that of the first Secret only: the others get theirs for the same reason.
func (u *userJob) reason(s *userSecret, otherwise string) string {
	switch {
	case u.rotation.rotate || u.newest.Number == 0:
		return otherwise
	case s.revision.Number == 0:
		return reasonCreated
	case !sameLogin(s.revision.Data, u.newest.Data):
		return u.newest.Reason
	default:
		return otherwise
	}
}

// sameLogin reports whether two credentials have the same login and password.
func sameLogin(a, b secret.Data) bool {
	return string(a["username"]) == string(b["username"]) && string(a["password"]) == string(b["password"])
}

// stage writes the next revision, if one is needed; the live Secret stays as it is.
func (s *userSecret) stage(ctx context.Context, p *Provisioner, reason string) error {
	if !s.stages() {
		return nil
	}
	author, err := p.Author(ctx)
	if err != nil {
		return fmt.Errorf("find out who is asking: %w", err)
	}
	if s.history, err = p.revisions().Preserve(ctx, s.target, s.history); err != nil {
		return err
	}
	p.progress("writing secret %s/%s", s.target.Namespace, s.target.Name)
	s.revision, err = p.revisions().Stage(ctx, s.target, s.history.LastNumber(), s.data, author, reason)
	if err == nil {
		s.history.Revisions = append(s.history.Revisions, s.revision)
	}
	return err
}

// promote makes the staged revision live.
func (s *userSecret) promote(ctx context.Context, p *Provisioner) error {
	promoted, err := p.revisions().Promote(ctx, s.target, s.history.Live, s.revision)
	if err != nil {
		return err
	}
	s.version = promoted.ResourceVersion
	return p.revisions().Prune(ctx, s.target, s.history)
}
