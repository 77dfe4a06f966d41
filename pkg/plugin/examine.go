package plugin

import (
	"context"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// examined is an object and what the entries of the webhook say of it.
type examined struct {
	namespace string
	before    []byte // the pod, or the resource, as it was asked about
	review.Examination
}

// notJudged is the state of an object that no entry could judge.
const notJudged = "not judged"

// state returns the verdict: allowed, denied, or notJudged.
func (e examined) state() string {
	switch {
	case !e.Judged():
		return notJudged
	case e.Allowed:
		return "allowed"
	default:
		return "denied"
	}
}

// examine returns what the entries of the webhook say of a manifest; of a workload what
// they say of its pods, and of the workload itself when it is written.
func examine(ctx context.Context, examiner review.Examiner, m review.Manifest, facts review.Facts) (examined, error) {
	request, err := m.Request()
	if err != nil {
		return examined{}, err
	}
	e := examined{namespace: request.Namespace, before: request.Object}
	if e.Examination, err = examiner.Examine(ctx, request, facts); err == nil {
		err = e.addTemplate(ctx, examiner, m, facts)
	}
	return e, err
}

// addTemplate adds to what is said of a workload's pod what is said when the workload
// itself is written, unless the pod is denied for it.
func (e *examined) addTemplate(ctx context.Context, examiner review.Examiner, m review.Manifest, facts review.Facts) error {
	request, err := m.Template()
	if request == nil || err != nil {
		return err
	}
	examiner.Traces = false // the pod's are the same
	template, err := examiner.Examine(ctx, request, facts)
	for _, finding := range template.Decision.Warn {
		if !slices.ContainsFunc(slices.Concat(e.Findings, e.Decision.Warn), func(f policy.Finding) bool { return f.Code == finding.Code }) {
			e.Decision.Warn = append(e.Decision.Warn, finding)
		}
	}
	return err
}
