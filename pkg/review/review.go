package review

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Reviewer decides on requests. It holds no state between them.
type Reviewer struct {
	Policies Policies
	Now      func() time.Time
}

// Resources answers a CREATE or UPDATE of one of our custom resources as the policies of the
// area resources do. An object that is being deleted is always allowed: its finalizers are
// removed by updates, and if those were refused it would stay for ever.
func (v Reviewer) Resources(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongResource(r); text != "" {
		return invalid(text)
	}
	object, err := decodeResource(r)
	switch {
	case err != nil:
		return unreadable(fmt.Errorf("decode %s %q: %w", r.Kind.Kind, r.Name, err))
	case object.GetDeletionTimestamp() != nil:
		return allow()
	}
	// The API server writes into the namespace of the URL, whatever the object says.
	object.SetNamespace(r.Namespace)
	return v.judge(ctx, requestOf(r), object, facts).outcome
}

// decodeResource returns the object of a request that wrongResource has accepted.
func decodeResource(r *Request) (metav1.Object, error) {
	var object metav1.Object
	switch r.Kind.Kind {
	case v1alpha1.KindDBCluster:
		object = new(v1alpha1.DBCluster)
	case v1alpha1.KindDatabase:
		object = new(v1alpha1.Database)
	default:
		object = new(v1alpha1.DatabaseUser)
	}
	if len(r.Object) == 0 {
		return nil, errors.New("there is no object")
	}
	return object, json.UnmarshalCaseSensitivePreserveInts(r.Object, object)
}

// judgement is an outcome, and what it was based on.
type judgement struct {
	outcome Outcome
	inputs  []*policy.Input
}

// judge asks the policies of the area resources about an object, which is a
// *DBCluster, a *Database or a *DatabaseUser.
func (v Reviewer) judge(ctx context.Context, request policy.Request, object metav1.Object, facts Facts) judgement {
	input, err := newInput(request, facts, v.Now())
	if err != nil {
		return judgement{outcome: undecided(err)}
	}
	var inputs []*policy.Input
	switch object := object.(type) {
	case *v1alpha1.DBCluster:
		inputs = []*policy.Input{clusterInput(input, object)}
	case *v1alpha1.Database:
		inputs = []*policy.Input{databaseInput(input, object, facts)}
	case *v1alpha1.DatabaseUser:
		if inputs = userInputs(input, object, facts); len(inputs) == 0 {
			return judgement{outcome: deny([]policy.Finding{{Code: codeObject, Path: "spec.databaseRef",
				Message: fmt.Sprintf("user %q refers to no database", object.Name), Fix: "set spec.databaseRef or spec.databaseRefs"}})}
		}
	}
	if err := facts.Err(); err != nil {
		return judgement{outcome: undecided(err)}
	}
	return judgement{decided(v.decide(ctx, inputs)), inputs}
}

// decide evaluates inputs in their order, and merges their decisions. Each Role is told the
// cluster of the databases before it.
func (v Reviewer) decide(ctx context.Context, inputs []*policy.Input) policy.Decision {
	decisions := make([]policy.Decision, 0, len(inputs))
	clusterName := ""
	for _, input := range inputs {
		if input.Role != nil {
			input.Role.ClusterName = clusterName
		}
		d := v.Policies.Evaluate(ctx, policy.AreaResources, input)
		decisions = append(decisions, d)
		if d.Err != "" {
			break
		}
		// One that the user may not use is passed over: a finding would tell which cluster it
		// stands on.
		if d.Allow && clusterName == "" {
			clusterName = input.Cluster.Name
		}
	}
	return policy.Merge(decisions...)
}

// decided returns the outcome of a decision. A decision that the policies could not make is
// a denial with the status code 500: trying again may help.
func decided(d policy.Decision) Outcome {
	outcome := allow()
	if !d.Allow {
		outcome = deny(d.Deny)
		if d.Err != "" {
			outcome.Code = http.StatusInternalServerError
		}
	}
	outcome.Decision = d
	for _, finding := range d.Warn {
		outcome.Warnings = append(outcome.Warnings, line(finding))
	}
	for _, x := range d.Excepted {
		outcome.Warnings = append(outcome.Warnings, exceptedLine(x))
	}
	return outcome
}
