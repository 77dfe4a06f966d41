package provision

import (
	"context"
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

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
func (s *userSecret) read(ctx context.Context, p *Provisioner) error {
	var err error
	if s.history, err = p.revisions().Read(ctx, s.target.Namespace, s.target.Name); err != nil {
		return noAccess(err, fmt.Sprintf("secret %q in namespace %q", s.target.Name, s.target.Namespace))
	}
	target := s.target
	if target.OwnerUID == "" {
		target.OwnerUID = unborn
	}
	return s.history.Check(target)
}

// unborn stands for the UID of a resource that is not created so far: what it may take
// over is found out before.
const unborn = "unborn"

// stages reports whether a new revision is needed.
func (s *userSecret) stages() bool { return s.revision.Number == 0 || !s.revision.Data.Equal(s.data) }

// writes reports whether the live Secret or its history will change.
func (s *userSecret) writes() bool {
	return s.stages() || s.history.Live == nil || s.history.Live.Revision != s.revision.Number || !s.history.Live.Holds(s.data, s.target)
}

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
