package provision

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// DeniedError says that a policy does not admit what a resource asks for. Nothing was
// done.
type DeniedError struct {
	Kind, Namespace, Name string
	// Message is "CODE: message. Fix.", several of them joined by "; ".
	Message string
}

// Error implements error.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s %q is denied by policy: %s", e.Kind, e.Name, e.Message)
}

// ExitCode returns the exit code of a denial.
func (e *DeniedError) ExitCode() int { return 3 }

// isDenied reports whether an error is a policy's denial.
func isDenied(err error) bool {
	var denied *DeniedError
	return errors.As(err, &denied)
}

// authorise asks the policies about every resource of the job, as the webhook does
// when it is written: whoever may write a resource where no webhook is must not be
// able to make others do what she may not. What cannot be decided is denied.
func (j *Job) authorise(ctx context.Context) (err error) {
	ctx, step := tracing.Start(ctx, "authorise")
	defer func() { tracing.End(step, err) }()
	reviewer, unread, err := j.p.policies.get(ctx, j.p)
	if err != nil {
		return err
	}
	by, err := j.p.Identity(ctx)
	if err != nil {
		return fmt.Errorf("find out who is asking: %w", err)
	}
	facts, err := j.facts(ctx)
	if err != nil {
		return err
	}
	decide := func(object metav1.Object) review.Outcome { return reviewer.Authorize(ctx, by, object, facts) }
	if j.database != nil {
		outcome := decide(j.database.db)
		if err := deniedBy(ctx, v1alpha1.KindDatabase, j.database.db, outcome); err != nil {
			return err
		}
		j.warnings = append(j.warnings, outcome.Warnings...)
	}
	for _, u := range j.users {
		outcome := decide(u.user)
		err := deniedBy(ctx, v1alpha1.KindDatabaseUser, u.user, outcome)
		if err != nil && outcome.NotShared() {
			err = j.notShared(u, decide, err, unread)
		}
		if err != nil {
			return err
		}
		j.warnings = append(j.warnings, outcome.Warnings...)
	}
	return nil
}

// notShared ends the access of a user to what is shared with it no more. The error is the
// denial, where nothing is to end, or a *NoAccessError: what cannot be read may admit the
// user. Unread is why the policies of the cluster could not be; nil: they were.
func (j *Job) notShared(u *userJob, decide func(metav1.Object) review.Outcome, denial, unread error) error {
	for _, name := range u.namespaces() {
		if err := j.unread[name]; err != nil {
			return noAccess(err, fmt.Sprintf("the labels and annotations of namespace %q, which may admit user %q", name, u.user.Name))
		}
	}
	switch {
	case j.request.Edit != nil || !u.withdraw(decide, denial):
		return denial
	case unread != nil:
		return noAccess(unread, fmt.Sprintf("the policies of namespace %q, which may admit user %q", v1alpha1.SystemNamespace, u.user.Name))
	default:
		return nil
	}
}

// deniedBy returns an outcome as an error; nil where the object is allowed.
func deniedBy(ctx context.Context, kind string, object metav1.Object, outcome review.Outcome) error {
	switch {
	case outcome.Allowed:
		return nil
	case ctx.Err() != nil: // no decision was made
		return ctx.Err()
	default:
		return &DeniedError{Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), Message: outcome.Message}
	}
}

// facts collects what the policies may ask about.
func (j *Job) facts(ctx context.Context) (*review.Objects, error) {
	facts := &review.Objects{}
	j.unread = map[string]error{}
	facts.SetCluster(j.Cluster)
	judged := map[string]bool{} // by namespace: whether its labels decide who may use the cluster
	if j.database != nil {
		facts.SetDatabase(j.database.db)
		judged[j.database.db.Namespace] = true
	}
	for _, u := range j.users {
		facts.SetUser(u.user)
		judged[u.user.Namespace] = true
	}
	for _, u := range j.users {
		for _, a := range u.access {
			facts.SetDatabase(a.db)
			if _, known := judged[a.db.Namespace]; !known {
				judged[a.db.Namespace] = false
			}
		}
	}
	for name, selected := range judged {
		namespace, err := j.p.namespaces.get(ctx, j.p, name)
		unread := apierrors.IsForbidden(err) || apierrors.IsNotFound(err)
		switch {
		case unread && selected && j.Cluster.Spec.NamespaceSelector != nil:
			return nil, noAccess(err, fmt.Sprintf("the labels of namespace %q, which decide whether it may use cluster %q", name, j.Cluster.Name))
		case unread: // without labels it is of no team, and shares nothing
			namespace, j.unread[name] = &metav1.ObjectMeta{Name: name}, err
		case err != nil:
			return nil, err
		}
		facts.SetNamespace(namespace)
	}
	return facts, nil
}
