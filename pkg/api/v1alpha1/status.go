package v1alpha1

// Types of conditions.
const (
	ConditionReady            = "Ready"
	ConditionSynced           = "Synced"
	ConditionConflict         = "Conflict"
	ConditionDrifted          = "Drifted"
	ConditionDeletionBlocked  = "DeletionBlocked"
	ConditionCredentialsReady = "CredentialsReady"
)

// ReasonDenied is the reason of the conditions Ready and Synced where a policy does not
// admit what the resource asks for.
const ReasonDenied = "Denied"

// Phases of a resource.
const (
	PhasePending   = "Pending"
	PhaseReady     = "Ready"
	PhaseFailed    = "Failed"
	PhaseDeleting  = "Deleting"
	PhaseExpired   = "Expired"
	PhaseConnected = "Connected"
)
