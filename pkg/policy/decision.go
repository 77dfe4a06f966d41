package policy

import (
	"errors"
	"time"
)

// CodeError is the code of the one finding of a decision that could not be made.
const CodeError = "POLICY-ERROR"

// Decision is what the policies of an area say of an input.
type Decision struct {
	// Allow is true if every policy of the area was evaluated and none denies.
	Allow bool `json:"allow"`
	// Deny holds why not, sorted by policy, code, path and message; Warn what the
	// user should know anyway. Each holds 32 findings at most.
	Deny []Finding `json:"deny,omitempty"`
	Warn []Finding `json:"warn,omitempty"`
	// DryRun holds what policies of the mode dryrun found. It is not shown to who asks.
	DryRun []Finding `json:"dryRun,omitempty"`
	// Excepted holds what would be denied but for an exception.
	Excepted []Excepted `json:"excepted,omitempty"`
	// Evaluated is how many policies took part; 0 if the decision could not be made.
	Evaluated int `json:"evaluated"`
	// Revision identifies the set of policies, by its content.
	Revision string `json:"revision"`
	// Err says why the decision could not be made. Deny then holds one finding with
	// the code CodeError.
	Err string `json:"err,omitempty"`
}

// Finding is one thing that a policy objects to.
type Finding struct {
	// Policy is the package of the policy: "dbtether.policies.workload.binding".
	Policy string `json:"policy"`
	// Code identifies the rule, in capitals: "USER-UNKNOWN".
	Code string `json:"code"`
	// Message says what is wrong, and what would be allowed.
	Message string `json:"message"`
	// Fix says whom to ask or what to add.
	Fix string `json:"fix"`
	// Path is the field of the object that the finding is about; may be empty.
	Path string `json:"path,omitempty"`
}

// Excepted is a finding that an exception keeps from denying.
type Excepted struct {
	Finding
	// Exception is where the exception is from.
	Exception string `json:"exception"`
	// Reason says why it was made, and Expires when it ends.
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}

// Merge returns decisions of one Engine as one: it allows if all of them do, and holds each
// finding once, sorted and bounded as in one Decision. Evaluated is that of the first. If one
// of them could not be made, or if there is none, it is a decision that could not be made.
func Merge(decisions ...Decision) Decision {
	if len(decisions) == 0 {
		return undecided(errors.New("there is nothing to decide on"))
	}
	merged := Decision{Allow: true, Evaluated: decisions[0].Evaluated, Revision: decisions[0].Revision}
	for _, d := range decisions {
		if d.Err != "" {
			return d
		}
		merged.Allow = merged.Allow && d.Allow
		merged.Deny = append(merged.Deny, d.Deny...)
		merged.Warn = append(merged.Warn, d.Warn...)
		merged.DryRun = append(merged.DryRun, d.DryRun...)
		merged.Excepted = append(merged.Excepted, d.Excepted...)
	}
	merged.Deny, merged.Warn, merged.DryRun = bound(merged.Deny), bound(merged.Warn), bound(merged.DryRun)
	merged.Excepted = boundExcepted(merged.Excepted)
	return merged
}
