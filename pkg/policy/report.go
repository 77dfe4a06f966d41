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
	// Revision is that of the policies in force, and Loaded when they were loaded. It is empty
	// while none could be loaded, and everything that policies decide is refused.
	Revision string    `json:"revision"`
	Loaded   time.Time `json:"loaded,omitzero"`
	// Tried is when the replica last tried to load policies, and Error why that failed; empty
	// if it did not.
	Tried time.Time `json:"tried"`
	Error string    `json:"error"`
	// Renewed is when the replica wrote the report.
	Renewed time.Time `json:"renewed"`
}
