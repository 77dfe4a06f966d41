package check

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Floor is what the API server refuses by itself.
type Floor struct {
	Shipped            Shipped
	Policies, Bindings Objects
}

// The checks of the floor.
const (
	checkFloorRead      = "floor-read"
	checkFloorPolicy    = "floor-policy"
	checkFloorShipped   = "floor-shipped"
	checkFloorBinding   = "floor-binding"
	checkFloorEvaluable = "floor-evaluable"
)

// The floor can also stand alone, without an installation.
const (
	fromCheckout = ", or, from a checkout: kubectl apply --server-side -f manifests/policies"
	fixFloor     = fixReinstall + fromCheckout
)

// Findings returns what is found of it. None of it at all is a warning: the plugin works
// without, and so does the webhook.
func (s Floor) Findings() []Finding {
	var f findings
	unread := f.unread(checkFloorRead, "the ValidatingAdmissionPolicies", s.Policies.Err)
	if unread = f.unread(checkFloorRead, "the bindings of ValidatingAdmissionPolicies", s.Bindings.Err) || unread; unread {
		return f
	}
	policies, bindings := s.Shipped.kind(kindPolicy), s.Shipped.kind(kindBinding)
	if !slices.ContainsFunc(policies, func(p unstructured.Unstructured) bool { return s.Policies.named(p.GetName()) != nil }) {
		f.add(checkFloorPolicy, LevelWarning, fixInstall+fromCheckout, "none of the ValidatingAdmissionPolicies is installed: deletionProtection, marks of Secrets and of pods are not enforced while the webhook is down")
		return f
	}
	for i := range policies {
		f.floorPolicy(&policies[i], s.Policies.named(policies[i].GetName()))
	}
	for i := range bindings {
		f.floorBinding(&bindings[i], s.Bindings.named(bindings[i].GetName()))
	}
	f.okUnless(checkFloorPolicy, "all %d ValidatingAdmissionPolicies are installed", len(policies))
	f.okUnless(checkFloorBinding, "each is bound, and denies")
	f.okUnless(checkFloorShipped, "they are as this version ships them")
	return f
}

func (f *findings) floorPolicy(shipped, have *unstructured.Unstructured) {
	name := shipped.GetName()
	if have == nil {
		f.add(checkFloorPolicy, LevelError, fixFloor, "the ValidatingAdmissionPolicy %s is not there", name)
		return
	}
	if paths := differences(shipped.Object["spec"], have.Object["spec"], "spec"); len(paths) > 0 {
		f.add(checkFloorShipped, LevelWarning, fixFloor, "the ValidatingAdmissionPolicy %s is not as this version ships it: %s", name, few(paths))
	}
	if warnings := objectsAt(have.Object, "status", "typeChecking", "expressionWarnings"); len(warnings) > 0 {
		text, _, _ := strings.Cut(textAt(warnings[0], "warning"), "\n")
		f.add(checkFloorEvaluable, LevelWarning, "see all of it: kubectl get validatingadmissionpolicy "+name+" -o yaml",
			"the API server warns of the ValidatingAdmissionPolicy %s: %s: %s", name, textAt(warnings[0], "fieldRef"), text)
	}
}

func (f *findings) floorBinding(shipped, have *unstructured.Unstructured) {
	name := shipped.GetName()
	if have == nil {
		f.add(checkFloorBinding, LevelError, fixFloor, "the ValidatingAdmissionPolicyBinding %s is not there: its policy is not enforced", name)
		return
	}
	actions, _, _ := unstructured.NestedStringSlice(have.Object, "spec", "validationActions")
	switch {
	case !slices.Contains(actions, "Deny"):
		f.add(checkFloorBinding, LevelError, fixFloor, "the ValidatingAdmissionPolicyBinding %s does not deny: its validationActions are %s", name, strings.Join(actions, ", "))
	default:
		if paths := differences(shipped.Object["spec"], have.Object["spec"], "spec"); len(paths) > 0 {
			f.add(checkFloorBinding, LevelError, fixFloor, "the ValidatingAdmissionPolicyBinding %s is not as this version ships it, so that its policy may not hold everywhere: %s", name, few(paths))
		}
	}
}
