package check

import (
	"fmt"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Policies are those of the ConfigMaps, as they load here, and what the webhook has
// loaded.
type Policies struct {
	// Err is why they could not be read.
	Err error
	// Failures are what cannot be loaded of them, and Problems what was left out.
	Failures   []error
	Problems   []string
	Revision   string
	Sources    int
	Exceptions []policy.Exception
	Replicas   []Replica
	// ReplicasErr is why it is not known what the webhook has loaded.
	ReplicasErr error
	// Installed is whether there is a webhook that should have said so.
	Installed bool
	Now       time.Time
}

// Replica is what one replica of the webhook says of itself and of its policies.
type Replica struct {
	Name string
	// Version is that of its program, "" where it does not say.
	Version  string
	Revision string
	Loaded   time.Time
	Error    string
}

// The checks of policies.
const (
	checkPoliciesRead     = "policies-read"
	checkPoliciesLoad     = "policies-load"
	checkPoliciesProblems = "policies-problems"
	checkExceptions       = "policies-exceptions"
	checkPoliciesReplicas = "policies-replicas"
)

const fixPolicies = "correct the ConfigMap; try it first: kubectl dbtether policy test --policies FILE"

// Findings returns what is found of them.
func (p Policies) Findings() []Finding {
	var f findings
	if f.unread(checkPoliciesRead, "the policies of namespace "+v1alpha1.SystemNamespace, p.Err) {
		return f
	}
	for _, failure := range p.Failures {
		f.add(checkPoliciesLoad, LevelError, fixPolicies, "the policies cannot be loaded, so that those before them stand: %v", failure)
	}
	for _, problem := range p.Problems {
		f.add(checkPoliciesProblems, LevelWarning, fixPolicies, "left out of the policies: %s", problem)
	}
	f.okUnless(checkPoliciesLoad, "the built-in policies load, and those of %s", plural(p.Sources, "ConfigMap"))
	p.exceptions(&f)
	p.replicas(&f)
	return f
}

// exceptions says which have ended, and which end soon.
func (p Policies) exceptions(f *findings) {
	for _, x := range p.Exceptions {
		about := fmt.Sprintf("%s from %s", x.Name, x.Policy)
		switch left := x.Expires.Sub(p.Now); {
		case left <= 0:
			f.add(checkExceptions, LevelWarning, "delete it, or give it another end with a reason", "the exception of %s expired at %s: the policy denies again", about, day(x.Expires))
		case left < soon:
			f.add(checkExceptions, LevelWarning, "mend what it excepts, or give it another end with a reason", "the exception of %s ends at %s", about, day(x.Expires))
		}
	}
	if len(p.Exceptions) > 0 {
		f.okUnless(checkExceptions, "none of the %s ends within a week", plural(len(p.Exceptions), "exception"))
	}
}

func (p Policies) replicas(f *findings) {
	if f.unread(checkPoliciesReplicas, "the policies that the webhook has loaded", p.ReplicasErr) {
		return
	}
	logs := "see its log: kubectl logs POD -n " + v1alpha1.SystemNamespace
	for _, r := range p.Replicas {
		switch {
		case r.Error != "" && r.Revision == "":
			f.add(checkPoliciesReplicas, LevelError, fixPolicies, "the replica %s has no policies and refuses what they decide: %s", r.Name, r.Error)
		case r.Error != "":
			f.add(checkPoliciesReplicas, LevelError, fixPolicies, "the replica %s decides by older policies, because it cannot load these: %s", r.Name, r.Error)
		case p.Revision != "" && r.Revision != p.Revision:
			f.add(checkPoliciesReplicas, LevelWarning, "check again in a minute; if it stays so, "+logs,
				"the replica %s has other policies (%s) than are there now (%s): it is of another version, or has not seen the change yet", r.Name, r.Revision, p.Revision)
		}
	}
	switch {
	case len(p.Replicas) > 0:
		f.okUnless(checkPoliciesReplicas, "the webhook decides by them, on %s", plural(len(p.Replicas), "replica"))
	case p.Installed:
		f.add(checkPoliciesReplicas, LevelWarning, "see its log: kubectl logs deployment/"+WebhookName+" -n "+v1alpha1.SystemNamespace, "no replica of the webhook says which policies it has loaded")
	}
}
