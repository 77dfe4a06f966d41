package policy

import "time"

// StatusName is the name of the ConfigMap, beside those of the policies, in which each
// replica of the webhook says which it has loaded: under its own name, a Report as JSON.
// It has no label LabelPolicy: it adds none.
const StatusName = "dbtether-policy-status"

// Report is what a replica of the webhook says of its policies.
type Report struct {
	// Version is that of the replica's program.
	Version string `json:"version,omitempty"`
	// Revision is that of the policies that decide, and Loaded when they were loaded;
	// without a revision there are none, and what they decide is refused.
	Revision string    `json:"revision"`
	Loaded   time.Time `json:"loaded,omitzero"`
	// Tried is when the replica tried to load last, and Error why it could not.
	Tried time.Time `json:"tried"`
	Error string    `json:"error"`
	// Renewed is when the replica said so.
	Renewed time.Time `json:"renewed"`
}
