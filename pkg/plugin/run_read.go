package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// readVariables reads the variables of all sources, in the order of the sources.
func (e *Environment) readVariables(ctx context.Context, sources []source) ([]variable, error) {
	namespace, err := e.Namespace()
	if err != nil {
		return nil, err
	}
	var all []variable
	for _, s := range sources {
		read := e.variablesOfSecret
		if s.kind == sourceUser {
			read = e.variablesOfUser
		}
		variables, err := read(ctx, namespace, s)
		if err != nil {
			return nil, err
		}
		all = append(all, variables...)
	}
	return all, nil
}

// variablesOfSecret reads a Secret: each key is a variable.
func (e *Environment) variablesOfSecret(ctx context.Context, namespace string, s source) ([]variable, error) {
	secrets, err := e.Secrets()
	if err != nil {
		return nil, err
	}
	found, err := secrets.Secrets(namespace).Get(ctx, s.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, e.secretNotFound(ctx, namespace, s.name, err)
	}
	if err != nil {
		return nil, err
	}
	if err := isConfiguration(found); err != nil {
		return nil, err
	}
	e.warnExpired(found)
	if len(found.Data) == 0 {
		e.warn("Secret %q has no keys", s.name)
	}
	var variables []variable
	for _, key := range slices.Sorted(maps.Keys(found.Data)) {
		variables = append(variables, variable{name: inject.VariablePrefix(s.alias) + key, key: key, source: s, value: secret.NewValue(found.Data[key])})
	}
	return variables, nil
}

// variablesOfUser reads the credential of a DatabaseUser: what a pod gets that is
// injected with it.
func (e *Environment) variablesOfUser(ctx context.Context, namespace string, s source) ([]variable, error) {
	object, err := e.get(ctx, userKind, namespace, s.name)
	if err != nil {
		return nil, err
	}
	user, err := typed[v1alpha1.DatabaseUser](object)
	if err != nil {
		return nil, err
	}
	if err := e.notExpired(user); err != nil {
		return nil, err
	}
	secrets, err := e.Secrets()
	if err != nil {
		return nil, err
	}
	name := review.SecretName(user)
	found, err := secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, Hinted(fmt.Errorf("Secret %q of DatabaseUser %q does not exist", name, user.Name), "make it: kubectl dbtether reconcile -n %s", namespace)
	}
	if err != nil {
		return nil, err
	}
	e.warnExpired(found)
	var variables []variable
	for _, asked := range inject.Standard(s.alias) {
		value, has := found.Data[asked.Key]
		if !has {
			return nil, Hinted(fmt.Errorf("Secret %q of DatabaseUser %q has no key %q", name, user.Name, asked.Key), "write it anew: kubectl dbtether reconcile -n %s", namespace)
		}
		if asked.Key == "host" && isServiceName(string(value)) && e.Getenv("KUBERNETES_SERVICE_HOST") == "" {
			e.warn("%s of %s resolves only inside the cluster: kubectl dbtether db psql forwards to it, run does not", asked.Variable, s)
		}
		variables = append(variables, variable{name: asked.Variable, key: asked.Key, source: s, value: secret.NewValue(value)})
	}
	return variables, nil
}

// isServiceName reports whether a host is the name of a Service (Kubernetes documentation,
// "DNS for Services and Pods").
func isServiceName(host string) bool {
	labels := strings.Split(host, ".")
	return len(labels) > 2 && labels[2] == "svc"
}

// isConfiguration returns an error for a Secret that is not meant to configure programs.
func isConfiguration(s *corev1.Secret) error {
	switch {
	case s.Type == v1alpha1.SecretTypeRevision || s.Labels[v1alpha1.LabelRevisionOf] != "":
		return Hinted(fmt.Errorf("Secret %q is a revision", s.Name), "name what it is a revision of: %s", v1alpha1.LiveSecret(s.Name))
	case s.Type == corev1.SecretTypeServiceAccountToken:
		return Hinted(fmt.Errorf("Secret %q is the token of a service account", s.Name), "kubectl create token makes one that comes to an end")
	case s.Type == corev1.SecretTypeBootstrapToken:
		return Hinted(fmt.Errorf("Secret %q is a bootstrap token", s.Name), "nodes join a cluster with it: name another Secret")
	default:
		return nil
	}
}

// warnExpired warns of a Secret that is no longer to be used.
func (e *Environment) warnExpired(s *corev1.Secret) {
	about := revision.Summary{ObjectMeta: s.ObjectMeta}
	if _, err := about.ExpiresAt(); err != nil {
		e.warn("Secret %q has the annotation %s: %q, which is not a time", s.Name, v1alpha1.AnnotationExpiresAt, s.Annotations[v1alpha1.AnnotationExpiresAt])
	}
	if at := about.ExpiredAt(e.Now()); !at.IsZero() {
		e.warn("Secret %q has expired at %s", s.Name, at.UTC().Format(time.RFC3339))
	}
}

// secretNotFound returns the error about a Secret that does not exist, with a hint at what may
// have been meant. It reads the names of DatabaseUsers and Secrets for that, as far as it may.
func (e *Environment) secretNotFound(ctx context.Context, namespace, name string, cause error) error {
	err := &renamedError{fmt.Sprintf("Secret %q not found in namespace %q", name, namespace), cause}
	if slices.Contains(e.names(ctx, userKind, name), name) {
		return Hinted(err, "there is a DatabaseUser of this name: write user/%s", name)
	}
	names, listErr := secretKind.names(ctx, e, namespace, metav1.ListOptions{})
	if listErr != nil {
		return Hinted(err, "check the name, the namespace (-n) and the context (--context)")
	}
	var live []string
	for _, other := range names {
		switch of := v1alpha1.LiveSecret(other); of {
		case name:
			return Hinted(err, "it was deleted, and its revisions are there: kubectl dbtether secret undelete %s -n %s", name, namespace)
		case other:
			live = append(live, other)
		}
	}
	return hintSimilar(err, name, live, "see which there are: kubectl get secrets -n %s", namespace)
}
