package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// policySet reads what the cluster adds to the policies.
func (e *Environment) policySet(ctx context.Context, place *policyPlace) (policy.Set, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return policy.Set{}, err
	}
	documents, err := provision.PolicyDocuments(ctx, kube, place.namespace)
	if err != nil {
		return policy.Set{}, fmt.Errorf("read the policies of namespace %q: %w", place.namespace, err)
	}
	return policy.ReadSet(documents, e.Now()), nil
}

// loadEach compiles a set. Where that fails, it returns what could be loaded without
// the sources that fail, and one error for each of those: a list shows what is there
// even though nobody uses it so.
func loadEach(ctx context.Context, set policy.Set) (*policy.Engine, []error) {
	engine, whole := policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if whole == nil {
		return engine, nil
	}
	var broken []error
	sources := set.Sources
	set.Sources = nil
	for _, source := range sources {
		_, err := policy.Load(ctx, policy.Set{Sources: []policy.Source{source}}, policy.Options{})
		if err != nil {
			broken = append(broken, err)
		} else {
			set.Sources = append(set.Sources, source)
		}
	}
	engine, err := policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if err == nil && len(broken) > 0 {
		return engine, broken
	}
	// Each loads alone, and together they do not.
	set.Sources = nil
	engine, err = policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if err != nil {
		return nil, []error{err}
	}
	return engine, append(broken, whole)
}

// policyEngine returns the policies of the cluster, compiled. The error says why not all
// of them are among these; the engine is nil if there is none at all.
func (e *Environment) policyEngine(ctx context.Context, place *policyPlace) (*policy.Engine, error) {
	set, unread := e.policySet(ctx, place)
	engine, failures := loadEach(ctx, set)
	if engine == nil {
		engine, failures = loadEach(context.WithoutCancel(ctx), policy.Set{})
	}
	if engine == nil {
		return nil, errors.Join(failures...)
	}
	if unread == nil && len(failures) > 0 {
		unread = fmt.Errorf("some policies of namespace %q cannot be loaded: kubectl dbtether policy list says why", place.namespace)
	}
	return engine, unread
}
