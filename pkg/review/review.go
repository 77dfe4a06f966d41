package review

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Reviewer decides on requests. It holds no state between them.
type Reviewer struct {
	Policies *policy.Engine
	Now      func() time.Time
}

// Resources answers a CREATE or UPDATE of one of our custom resources as the
// policies of the area resources do. An object that is being deleted is allowed
// whatever it has become: a refused update would keep it for ever.
func (v Reviewer) Resources(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongResource(r); text != "" {
		return invalid(text)
	}
	input, deleting, err := v.resourceInput(r, facts)
	switch {
	case err != nil:
		return invalid(fmt.Sprintf("OBJECT-INVALID: decode %s %q: %v.", r.Kind.Kind, r.Name, err))
	case deleting:
		return allow()
	}
	return decided(v.Policies.Evaluate(ctx, policy.AreaResources, input))
}

func (v Reviewer) resourceInput(r *Request, facts Facts) (input *policy.Input, deleting bool, err error) {
	switch r.Kind.Kind {
	case v1alpha1.KindDBCluster:
		cluster := new(v1alpha1.DBCluster)
		if err := json.UnmarshalCaseSensitivePreserveInts(r.Object, cluster); err != nil || cluster.DeletionTimestamp != nil {
			return nil, true, err
		}
		return clusterInput(r, cluster, facts, v.Now()), false, nil
	case v1alpha1.KindDatabase:
		database := new(v1alpha1.Database)
		if err := json.UnmarshalCaseSensitivePreserveInts(r.Object, database); err != nil || database.DeletionTimestamp != nil {
			return nil, true, err
		}
		return databaseInput(r, database, facts, v.Now()), false, nil
	default:
		user := new(v1alpha1.DatabaseUser)
		if err := json.UnmarshalCaseSensitivePreserveInts(r.Object, user); err != nil || user.DeletionTimestamp != nil {
			return nil, true, err
		}
		return userInput(r, user, facts, v.Now()), false, nil
	}
}

// decided returns what the policies said, in words. A decision that they could not
// make is a denial with another code: trying again may help.
func decided(d policy.Decision) Outcome {
	outcome := allow()
	if !d.Allow {
		outcome = deny(d.Deny)
		if d.Err != "" {
			outcome.Code = http.StatusInternalServerError
		}
	}
	for _, finding := range d.Warn {
		outcome.Warnings = append(outcome.Warnings, line(finding))
	}
	return outcome
}
