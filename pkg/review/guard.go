package review

import (
	"context"
	"errors"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Guard answers the CREATE of a pod, or the UPDATE of its ephemeral containers: it denies a
// pod that refers by itself to the Secret of a DatabaseUser, if the policies of the area
// guard do. Which Secrets those are follows from the DatabaseUsers; no Secret is read. A
// pod that refers to none of them is allowed without asking the policies.
func (v Reviewer) Guard(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongPod(r); text != "" {
		return invalid(text)
	}
	old := r.OldObject
	if r.SubResource == ephemeral && len(old) == 0 {
		return unreadable(errors.New("there is no old object"))
	}
	if r.SubResource != ephemeral {
		old = nil
	}
	pod, err := inject.Decode(r.Object)
	if err != nil {
		return unreadable(err)
	}
	found, err := references(r.Object, old)
	if err != nil {
		return unreadable(err)
	}
	ask, _ := inject.Parse(pod.Annotations)
	uses := secretUses(found, ask, r.Namespace, facts)
	if len(uses) == 0 {
		return allow()
	}
	input, err := workloadInput(podSubject(r, pod), nil, facts, v.Now())
	if err != nil {
		return undecided(err)
	}
	input.Secrets = uses
	return decided(v.Policies.Evaluate(ctx, policy.AreaGuard, input))
}

// secretUses returns those of the references that are to Secrets of DatabaseUsers. What an
// annotation with mistakes asks for counts as asked for: Enforce refuses such a pod.
func secretUses(found []reference, ask *inject.Ask, namespace string, facts Facts) (uses []policy.SecretUse) {
	for _, ref := range found {
		for _, user := range facts.UsersOfSecret(namespace, v1alpha1.LiveSecret(ref.secret)) {
			requested := ask != nil && slices.ContainsFunc(ask.Users, func(u inject.UserAsk) bool { return u.Name == user.Name })
			uses = append(uses, policy.SecretUse{Name: ref.secret, Path: ref.path, User: user.Name,
				Requested: requested, ServiceAccounts: user.Spec.ServiceAccounts})
		}
	}
	return uses
}
