package provision

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Restarts are what became of the workloads whose pods have a credential in their
// environment that was replaced.
type Restarts struct {
	// Restarted are those that were, or by a plan would be: "deployment.apps/orders".
	Restarted []string
	// Left are sentences about what is not restarted, each with what to do.
	Left []string
	// Failed are restarts that should have been.
	Failed []*RestartError
}

// warnings returns a sentence for each that has the old credential still.
func (r Restarts) warnings() []string {
	all := slices.Clone(r.Left)
	for _, failed := range r.Failed {
		all = append(all, failed.Warning())
	}
	return all
}

func (r *Restarts) add(more Restarts) {
	r.Restarted, r.Left, r.Failed = append(r.Restarted, more.Restarted...), append(r.Left, more.Left...), append(r.Failed, more.Failed...)
}

// restart looks for what has a credential from before a revision in its environment, and
// restarts the workloads that it belongs to, each once for a revision.
type restart struct {
	p        *Provisioner
	user     *v1alpha1.DatabaseUser
	revision int64
	// every is whether all of them are restarted; otherwise those are whose template asks
	// for it.
	every bool
	// rotated is whether the revision is new: that pods cannot be listed is told then.
	rotated bool
	// dryRun is whether nothing is written.
	dryRun bool
	// announce is called before the first is restarted, and returns whether it wrote
	// something: what there is is looked at once more then. It may be nil.
	announce func(context.Context) (bool, error)
}

// run returns what became of them. It begins anew where others wrote what it had read.
// The error is that of announce, or that of ctx.
func (r restart) run(ctx context.Context) (Restarts, error) {
	var restarted []string
	for attempt := 1; ; attempt++ {
		found, again, err := r.once(ctx)
		restarted = append(restarted, found.Restarted...)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !again || attempt == attempts {
			found.Restarted = restarted
			return found, err
		}
	}
}

// once looks and restarts one time; again is whether others wrote what it had read, or announce
// wrote something.
func (r restart) once(ctx context.Context) (found Restarts, again bool, err error) {
	holders, err := r.p.holders(ctx, r.user, r.revision)
	if err != nil {
		if r.every || r.rotated {
			found.Failed = append(found.Failed, &RestartError{what: fmt.Sprintf("what has the old credential of DatabaseUser %q", r.user.Name), namespace: r.user.Namespace,
				verb: "list", resource: pods.Resource, cause: err})
		}
		return found, false, nil
	}
	roll, found := r.choose(ctx, staying(holders))
	if len(roll) > 0 && r.announce != nil && !r.dryRun {
		if again, err = r.announce(ctx); again || err != nil {
			return Restarts{}, again, err
		}
	}
	for _, w := range roll {
		if !r.dryRun {
			err = r.p.roll(ctx, w, r.user, r.revision)
		}
		switch {
		case err == nil:
			found.Restarted = append(found.Restarted, w.String())
		case !apierrors.IsNotFound(err): // what is gone has no pods
			again = again || apierrors.IsConflict(err)
			found.Failed = append(found.Failed, &RestartError{what: w.String(), name: w.object.Metadata.Name, namespace: r.user.Namespace,
				verb: "patch", resource: w.kind.resource.Resource, cause: err})
		}
	}
	return found, again, nil
}

// staying returns the pods that nobody has deleted.
func staying(all []unstructured.Unstructured) []*unstructured.Unstructured {
	var stay []*unstructured.Unstructured
	for i := range all {
		if all[i].GetDeletionTimestamp() == nil {
			stay = append(stay, &all[i])
		}
	}
	return stay
}

// choose returns the workloads of the pods that are to be restarted, and what is left.
func (r restart) choose(ctx context.Context, holders []*unstructured.Unstructured) (roll []workload, found Restarts) {
	var others []*unstructured.Unstructured
	for _, kind := range workloadKinds {
		var mine []*unstructured.Unstructured
		mine, holders = split(holders, func(pod *unstructured.Unstructured) bool { return kind.controls(metav1.GetControllerOf(pod)) })
		if len(mine) == 0 {
			continue
		}
		all, err := r.p.workloads(ctx, kind, r.user.Namespace)
		if err != nil { // a pod has the annotations of its template
			if asking := filter(mine, func(pod *unstructured.Unstructured) bool { return r.wants(pod.GetAnnotations()) }); len(asking) > 0 {
				found.Failed = append(found.Failed, &RestartError{what: "what runs " + podList(asking), namespace: r.user.Namespace,
					verb: "list", resource: kind.resource.Resource, cause: err})
			}
			continue
		}
		of := map[*workload][]*unstructured.Unstructured{}
		for _, pod := range mine {
			w := workloadOf(pod, all)
			of[w] = append(of[w], pod)
		}
		others = append(others, of[nil]...)
		for i := range all {
			w, template := &all[i], all[i].template()
			if len(of[w]) == 0 || !r.wants(template) || isRestartedFor(template[v1alpha1.AnnotationRestartedFor], r.user, r.revision) {
				continue
			}
			if why := w.unfit(of[w]); why != "" {
				found.Left = append(found.Left, why)
			} else {
				roll = append(roll, *w)
			}
		}
	}
	others = filter(append(others, holders...), func(pod *unstructured.Unstructured) bool { return r.wants(pod.GetAnnotations()) })
	found.Left = append(found.Left, unmanaged(others)...)
	return roll, found
}

// wants reports whether what has these annotations is to be restarted.
func (r restart) wants(annotations map[string]string) bool {
	return r.every || annotations[v1alpha1.AnnotationOnRotate] == v1alpha1.OnRotateRestart
}

// split parts pods by a condition.
func split(all []*unstructured.Unstructured, is func(*unstructured.Unstructured) bool) (yes, no []*unstructured.Unstructured) {
	for _, pod := range all {
		if is(pod) {
			yes = append(yes, pod)
		} else {
			no = append(no, pod)
		}
	}
	return yes, no
}

// filter returns the pods for which a condition holds.
func filter(all []*unstructured.Unstructured, is func(*unstructured.Unstructured) bool) []*unstructured.Unstructured {
	yes, _ := split(all, is)
	return yes
}
