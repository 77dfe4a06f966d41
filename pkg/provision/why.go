package provision

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Why says in one word why something failed.
type Why string

// The words.
const (
	WhyDenied      Why = "Denied"      // by a policy
	WhyRefused     Why = "Refused"     // it would take what is another's, or lose data
	WhyUnreachable Why = "Unreachable" // the PostgreSQL server
	WhyForbidden   Why = "Forbidden"   // by the API server
	WhyFailed      Why = "Failed"
)

// WhyOf returns why a run failed.
func WhyOf(err error) Why {
	var refused *postgres.RefusedError
	var unreachable *postgres.ConnectError
	switch {
	case isDenied(err):
		return WhyDenied
	case errors.As(err, &refused):
		return WhyRefused
	case errors.As(err, &unreachable):
		return WhyUnreachable
	case apierrors.IsForbidden(err):
		return WhyForbidden
	default:
		return WhyFailed
	}
}
