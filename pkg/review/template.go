package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// template is the part of a workload that its pods are made of.
type template struct {
	name     string
	replicas int64
	// controlled says that another object made this one: that one is reviewed.
	controlled bool
	pod        *inject.Pod
}

// Templates answers the CREATE or UPDATE of a workload: it warns of what its pods would be
// denied for. It never denies itself, because the pods are; but whoever writes the workload
// hears of it now, rather than from a Deployment that does not come up.
func (v Reviewer) Templates(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongTemplate(r); text != "" {
		return warned(invalid(text))
	}
	t, err := decodeTemplate(r)
	switch {
	case err != nil:
		return warned(unreadable(fmt.Errorf("decode %s %q: %w", r.Kind.Kind, r.Name, err)))
	case t.controlled:
		return allow()
	}
	ask, findings := asked(Asked(t.pod.Annotations, r.Namespace, facts))
	if ask == nil || len(findings) > 0 {
		return warned(deny(findings))
	}
	subject := subject{request: requestOf(r), name: t.name, replicas: t.replicas, pod: t.pod}
	outcome := v.workload(ctx, subject, ask, facts)
	if outcome.Allowed {
		unfit := deny(unfit(t.pod, ask, r.Namespace, facts))
		unfit.Warnings = outcome.Warnings
		outcome = unfit
	}
	return warned(outcome)
}

// unfit returns a finding if the pods could not be injected, because the annotations do not
// fit them: they name a container that the pods do not have, for example.
func unfit(pod *inject.Pod, ask *inject.Ask, namespace string, facts Facts) []policy.Finding {
	found, ok := bindings(ask, namespace, facts)
	if !ok {
		return nil // the policies have said why, or are in a mode that does not
	}
	_, err := pod.Patch(ask, found)
	var problem inject.Problem
	if errors.As(err, &problem) {
		return annotationFindings([]inject.Problem{problem})
	}
	return nil
}

// warned returns the outcome that allows, with a warning for each finding.
func warned(outcome Outcome) Outcome {
	if outcome.Allowed {
		return outcome
	}
	warnings := make([]string, 0, len(outcome.Findings)+1)
	for _, finding := range outcome.Findings {
		warnings = append(warnings, line(finding))
	}
	if len(outcome.Findings) == 0 {
		warnings = append(warnings, outcome.Message)
	}
	allowed := allow()
	allowed.Warnings = slices.Concat(warnings, outcome.Warnings)
	return allowed
}

// workloadObject is what is read of a workload of any kind.
type workloadObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     workloadSpec      `json:"spec"`
	Status   struct {
		DesiredNumberScheduled int64 `json:"desiredNumberScheduled"`
	} `json:"status"`
}

type workloadSpec struct {
	Replicas    *int64          `json:"replicas"`
	Parallelism *int64          `json:"parallelism"` // of a Job
	Template    json.RawMessage `json:"template"`
	JobTemplate *workloadObject `json:"jobTemplate"` // of a CronJob
}

// decodeTemplate returns the template in a request that wrongTemplate has accepted.
func decodeTemplate(r *Request) (template, error) {
	if len(r.Object) == 0 {
		return template{}, errors.New("there is no object")
	}
	var object workloadObject
	if err := kjson.UnmarshalCaseSensitivePreserveInts(r.Object, &object); err != nil {
		return template{}, err
	}
	spec := object.Spec
	if spec.JobTemplate != nil {
		spec = spec.JobTemplate.Spec
	}
	t := template{name: object.Metadata.Name, replicas: 1, controlled: metav1.GetControllerOf(&object.Metadata) != nil}
	if t.name == "" {
		t.name = object.Metadata.GenerateName
	}
	switch {
	case spec.Replicas != nil:
		t.replicas = *spec.Replicas
	case spec.Parallelism != nil:
		t.replicas = *spec.Parallelism
	case object.Status.DesiredNumberScheduled > 0: // of a DaemonSet, one for each node
		t.replicas = object.Status.DesiredNumberScheduled
	}
	if len(spec.Template) == 0 {
		return t, errors.New("there is no template")
	}
	var err error
	t.pod, err = inject.Decode(spec.Template)
	return t, err
}
