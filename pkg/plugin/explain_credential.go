package plugin

import (
	"cmp"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// credential is what a pod has, or the pods of a workload get, of one user.
type credential struct {
	User   string `json:"user"`
	Alias  string `json:"alias,omitempty"`
	Form   string `json:"form,omitempty"` // as dbtether.io/injected has it
	Secret string `json:"secret,omitempty"`
	// Revision is the one that the pod was given, or would be.
	Revision        int64  `json:"revision,omitempty"`
	CurrentRevision int64  `json:"currentRevision,omitempty"`
	State           string `json:"state"`
	UserPhase       string `json:"userPhase,omitempty"`
	UserMessage     string `json:"userMessage,omitempty"`
}

// askedCredential returns the credential that a pod asks for, and was not given.
func askedCredential(u inject.UserAsk, namespace string, facts review.Facts) credential {
	c := credential{User: u.Name, Alias: u.Alias, State: stateMissing}
	if user, known := facts.User(namespace, u.Name); known {
		c.describe(user)
	}
	return c
}

// describe adds what is known of the user.
func (c *credential) describe(user *v1alpha1.DatabaseUser) {
	c.Secret, c.CurrentRevision = review.SecretName(user), user.Status.SecretRevision
	c.UserPhase, c.UserMessage = cmp.Or(user.Status.Phase, v1alpha1.PhasePending), user.Status.Message
}

// credentials returns what the pod was given, and what it asks for beside that. Whether a
// user that is not known exists, usersSeen says.
func (p runningPod) credentials(facts review.Facts, namespace string, usersSeen bool) []credential {
	all := []credential{}
	for _, i := range p.injections {
		c := credential{User: i.User, Alias: i.Alias, Form: i.Form, Revision: max(i.Revision, 0)}
		user, known := facts.User(namespace, i.User)
		switch {
		case known:
			c.describe(user)
			c.State = p.state(i, user)
		case usersSeen:
			c.State = stateGone
		default:
			c.State = stateUnknown
		}
		all = append(all, c)
	}
	if p.ask == nil {
		return all
	}
	for _, u := range p.ask.Users {
		if _, given := p.injection(u.Name); given {
			continue
		}
		all = append(all, askedCredential(u, namespace, facts))
	}
	return all
}
