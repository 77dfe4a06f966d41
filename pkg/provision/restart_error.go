package provision

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// RestartError is why something was not restarted that should have been.
type RestartError struct {
	// what is the workload, or what is known of it; name is its name, if that is known.
	what, name, namespace string
	// verb and resource are the right that it takes.
	verb, resource string
	cause          error
}

// Error implements error.
func (e *RestartError) Error() string { return fmt.Sprintf("restart %s: %v", e.what, e.cause) }

// Unwrap returns the cause.
func (e *RestartError) Unwrap() error { return e.cause }

// Hint returns what to do about it.
func (e *RestartError) Hint() string {
	name := e.name
	resource := e.resource
	if name == "" {
		name = "NAME"
	}
	if resource == pods.Resource {
		resource = "deployment"
	}
	return fmt.Sprintf("the password is replaced; what is left is for whoever may: kubectl rollout restart %s %s -n %s", strings.TrimSuffix(resource, "s"), name, e.namespace)
}

// Warning says it of a run that is not failed by it.
func (e *RestartError) Warning() string {
	if apierrors.IsForbidden(e.cause) {
		return fmt.Sprintf("%s was not restarted: whoever ran this may not %s %s in namespace %q", e.what, e.verb, e.resource, e.namespace)
	}
	return fmt.Sprintf("%s was not restarted: %v", e.what, e.cause)
}
