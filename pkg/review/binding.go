package review

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// bindings returns the credentials that the ask is about. It is false unless all of them can
// be used: half a configuration is harder to understand than none. For a pod that starts
// without a credential (dbtether.io/optional) one that is not ready yet can be used, too.
func bindings(ask *inject.Ask, namespace string, facts Facts) ([]inject.Binding, bool) {
	found := make([]inject.Binding, 0, len(ask.Users))
	for _, asked := range ask.Users {
		user, ok := facts.User(namespace, asked.Name)
		if !ok || user.DeletionTimestamp != nil || !ask.Optional && !CredentialsReady(user) {
			return nil, false
		}
		found = append(found, inject.Binding{User: asked.Name, Alias: asked.Alias, Secret: SecretName(user), Revision: user.Status.SecretRevision})
	}
	return found, true
}

// CredentialsReady reports whether the user's Secret holds a credential that works.
func CredentialsReady(user *v1alpha1.DatabaseUser) bool {
	return meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionCredentialsReady)
}

// SecretName returns the name of the Secret that has the credential now: the one in the
// status, which differs from that of the spec while the credential moves.
func SecretName(user *v1alpha1.DatabaseUser) string {
	if user.Status.SecretName != "" {
		return user.Status.SecretName
	}
	return user.SecretName()
}

// describeBindings returns what policies are told of each user that the ask names.
func describeBindings(ask *inject.Ask, namespace string, facts Facts) []policy.Binding {
	all := make([]policy.Binding, 0, len(ask.Users))
	for _, asked := range ask.Users {
		b := policy.Binding{User: asked.Name, Alias: asked.Alias, Namespace: namespace, Optional: ask.Optional}
		if user, ok := facts.User(namespace, asked.Name); ok {
			b.Exists, b.Ready, b.Deleting = true, CredentialsReady(user), user.DeletionTimestamp != nil
			b.ExpiresAt, b.ServiceAccounts = expiresAt(user), user.Spec.ServiceAccounts
			if ask.PoolSize > 0 {
				b.Limits = limits(user, facts)
			}
			b.Phase, b.Message = user.Status.Phase, user.Status.Message
			if b.Phase == "" {
				b.Phase, b.Message = v1alpha1.PhasePending, "nothing has provisioned it so far"
			}
		} else {
			b.OtherNamespaces = facts.UsersNamed(asked.Name)
		}
		all = append(all, b)
	}
	return all
}
