package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// sight is what could be read of a namespace. The policies take their facts from it; what
// the caller may not read is collected in it, and is said at the end of an explanation.
type sight struct {
	review.Objects
	env       *Environment
	namespace string
	// notSeen has a line for each thing that may not be read.
	notSeen []string
	// usersSeen is true where the DatabaseUsers could be read: one that is not among them does
	// not exist.
	usersSeen bool
	// blind is why the policies cannot decide anything; nil: they can.
	blind error
}

// Err implements review.Facts.
func (s *sight) Err() error { return s.blind }

// noteForbidden reports whether an error says that something may not be looked at, and then
// notes what. Any other error is the caller's to return.
func (s *sight) noteForbidden(err error) bool {
	if !apierrors.IsForbidden(err) {
		return false
	}
	said := refusal(err)
	if !slices.Contains(s.notSeen, said) {
		s.notSeen = append(s.notSeen, said)
	}
	return true
}

// refusal returns what the API server says of a request that it forbids.
func refusal(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return explainStatus(status.Status()).cause
	}
	return err.Error()
}

// readUsers reads the DatabaseUsers of the namespace.
func (s *sight) readUsers(ctx context.Context) error {
	_, err := newGathering(s.env, &s.Objects).users(ctx, s.namespace)
	if s.noteForbidden(err) {
		s.blind = errors.New("the DatabaseUsers may not be read")
		return nil
	}
	s.usersSeen = err == nil
	return err
}

// readNamespace reads the namespace, and its DatabaseUsers.
func (s *sight) readNamespace(ctx context.Context) error {
	if err := s.readLabels(ctx); err != nil {
		return err
	}
	return s.readUsers(ctx)
}

// readLabels reads the labels of the namespace, which say whether its pods are given
// credentials, and which they are given by default.
func (s *sight) readLabels(ctx context.Context) error {
	err := newGathering(s.env, &s.Objects).meta(ctx, s.namespace)
	if s.noteForbidden(err) {
		s.blind = fmt.Errorf("namespace %q may not be read", s.namespace)
		return nil
	}
	return err
}

// readLimits reads what else the policies about a pod need: the Databases and DBClusters that
// limit its connections, if it has a pool; and the DatabaseUsers of other namespaces, if it
// asks for one that this namespace does not have.
func (s *sight) readLimits(ctx context.Context, ask *inject.Ask) error {
	if ask == nil {
		return nil
	}
	g := newGathering(s.env, &s.Objects)
	if ask.PoolSize > 0 {
		err := g.databases(ctx, s.namespace)
		if err == nil {
			err = g.known(ctx)
		}
		if err != nil && !s.noteForbidden(err) {
			return err
		}
	}
	if s.usersSeen && slices.ContainsFunc(ask.Users, func(u inject.UserAsk) bool { _, known := s.User(s.namespace, u.Name); return !known }) {
		return g.namesakes(ctx)
	}
	return nil
}

// list reads the objects of a kind in the namespace. It returns none where they may not be
// read, and notes that.
func (s *sight) list(ctx context.Context, k objectKind, options metav1.ListOptions) ([]unstructured.Unstructured, error) {
	all, err := k.list(ctx, s.env, s.namespace, options)
	if err != nil && s.noteForbidden(err) {
		return nil, nil
	}
	return all, err
}

// notSeen adds a section of what could not be read, if there is any.
func (d *description) notSeen(lines []string) {
	if len(lines) == 0 {
		return
	}
	d.section("Not looked at")
	for _, line := range lines {
		d.row(line)
	}
}
