package provision

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// NoAccessError says that the caller may not read something which provisioning needs:
// the administrator's credential, the cluster, another namespace. Someone else, or
// the runner, has to do it.
type NoAccessError struct {
	What  string
	Cause error
}

// Error implements error.
func (e *NoAccessError) Error() string { return fmt.Sprintf("read %s: you may not", e.What) }

// Unwrap returns the API server's answer.
func (e *NoAccessError) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *NoAccessError) Hint() string {
	return "ask whoever registered the cluster to run the command, or for the right to read it"
}

// noAccess turns the API server's "forbidden" into a *NoAccessError, and returns
// other errors as they are.
func noAccess(err error, what string) error {
	var already *NoAccessError
	if !apierrors.IsForbidden(err) || errors.As(err, &already) {
		return err
	}
	return &NoAccessError{What: what, Cause: err}
}
