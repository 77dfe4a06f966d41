package provision

import (
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Action is what reconciling did to a resource.
type Action string

// The actions.
const (
	ActionUnchanged   Action = "unchanged"
	ActionProvisioned Action = "provisioned"
	ActionDeleted     Action = "deleted"
	ActionFailed      Action = "failed"
	// Those of managed Secrets.
	ActionRotated Action = "rotated"
	ActionExpired Action = "expired"
	ActionPruned  Action = "pruned"
)

// Result is what reconciling one resource came to.
type Result struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Action    Action `json:"action"`
	// Statements is how many SQL statements ran.
	Statements int `json:"statements"`
	// Warnings are what could not be done, or waits for something.
	Warnings []string `json:"warnings,omitempty"`
	// Restarted are the workloads that were, because they have an older credential in
	// their environment and ask for it.
	Restarted []string `json:"restarted,omitempty"`
	// Revision is that of a managed Secret, and Keys are those that got new values.
	Revision int64    `json:"revision,omitempty"`
	Keys     []string `json:"keys,omitempty"`
	// Error is what failed, and Hint what to do about it.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`

	// Err is the error that Error is the text of.
	Err error `json:"-"`
	// UID is that of a managed Secret, ExpiredAt since when it is not to be used, Author
	// and Reason are those of the revision with the new values.
	UID            types.UID `json:"-"`
	ExpiredAt      time.Time `json:"-"`
	Author, Reason string    `json:"-"`
}

// of returns the result as that of a failure.
func (r Result) of(err error) Result {
	r.Action, r.Err, r.Error, r.Hint = ActionFailed, err, err.Error(), hintOf(err)
	var refused *postgres.RefusedError
	if errors.As(err, &refused) {
		r.Statements = 0
	}
	return r
}

// with adds to a result what was restarted, and what was not.
func (r Result) with(restarts Restarts) Result {
	r.Restarted, r.Warnings = restarts.Restarted, slices.Concat(r.Warnings, restarts.warnings())
	if len(r.Restarted) > 0 {
		r.Action = ActionProvisioned
	}
	return r
}
