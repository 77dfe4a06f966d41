# METADATA
# scope: package
# title: Credentials that a pod can have
# description: >-
#   Each DatabaseUser that a pod asks for in its annotation dbtether.io/inject exists in
#   its namespace, has a credential and stays. Without one the pod would hang, waiting
#   for a Secret.
# custom:
#   mode: deny
package dbtether.policies.workload.binding

# METADATA
# title: The user does not exist
# description: No DatabaseUser has this name, in no namespace.
# custom:
#   code: USER-UNKNOWN
#   fix: create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject
#   examples:
#     - denied: 'a pod with dbtether.io/inject: orders-ap, where the DatabaseUser is called orders-api'
#     - allowed: 'a pod with dbtether.io/inject: orders-api'
deny contains {
	"code": "USER-UNKNOWN",
	"message": sprintf("user %q does not exist in namespace %q", [binding.user, binding.namespace]),
	"fix": `create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject`,
	"path": path,
} if {
	some binding in input.binding
	not binding.exists
	count(binding.otherNamespaces) == 0
}

# METADATA
# title: The user exists in another namespace only
# description: >-
#   A pod gets the credentials of its own namespace only. A DatabaseUser may refer to a
#   Database of another namespace.
# custom:
#   code: USER-ELSEWHERE
#   fix: run the pod in the user's namespace, or create a DatabaseUser in the pod's
#   examples:
#     - denied: 'a pod in namespace web that asks for orders-api, which is a DatabaseUser of namespace shop'
#     - allowed: 'the same pod in namespace shop'
deny contains {
	"code": "USER-ELSEWHERE",
	"message": sprintf("user %q does not exist in namespace %q, only in %s", [
		binding.user, binding.namespace, concat(", ", binding.otherNamespaces),
	]),
	"fix": sprintf("run the pod there, or create a DatabaseUser in namespace %q", [binding.namespace]),
	"path": path,
} if {
	some binding in input.binding
	not binding.exists
	count(binding.otherNamespaces) > 0
}

# METADATA
# title: The user has no credential yet
# description: >-
#   The DatabaseUser exists, but its Secret cannot be used. Its status says why. A pod with
#   the annotation dbtether.io/optional starts without.
# custom:
#   code: USER-NOT-READY
#   fix: wait until it is ready; "kubectl dbtether user describe" says what it waits for
#   examples:
#     - denied: 'a pod that asks for a DatabaseUser with the phase Pending'
#     - allowed: 'the same pod once the DatabaseUser has its Secret'
deny contains {
	"code": "USER-NOT-READY",
	"message": sprintf("user %q in namespace %q is not ready (%s)", [
		binding.user, binding.namespace, concat(": ", [text | some text in [binding.phase, binding.message]; text != ""]),
	]),
	"fix": sprintf(`wait until it is ready; "kubectl dbtether user describe %s -n %s" says what it waits for`, [binding.user, binding.namespace]),
	"path": path,
} if {
	some binding in input.binding
	not binding.ready
	binding.exists
	not binding.optional
	not binding.deleting
	not expired(binding)
}

# METADATA
# title: The user has expired
# description: >-
#   Its login is closed at the time in spec.expiresAt of the DatabaseUser, or is about to be:
#   a pod that started now could not log in.
# custom:
#   code: USER-EXPIRED
#   fix: move spec.expiresAt of the DatabaseUser, or take the user out of the annotation dbtether.io/inject
#   examples:
#     - denied: 'a pod that asks for a DatabaseUser with expiresAt 2026-01-01T00:00:00Z, on the day after'
#     - allowed: 'the same pod the day before'
deny contains {
	"code": "USER-EXPIRED",
	"message": sprintf("user %q in namespace %q has expired at %s", [binding.user, binding.namespace, binding.expiresAt]),
	"fix": "move spec.expiresAt of the DatabaseUser, or take the user out of the annotation dbtether.io/inject",
	"path": path,
} if {
	some binding in input.binding
	binding.expiresAt != ""
	past(binding.expiresAt)
	not binding.deleting
}

# METADATA
# title: The user is being deleted
# description: A pod that started now would lose its credential at once.
# custom:
#   code: USER-DELETING
#   fix: take it out of the annotation dbtether.io/inject, or create it again when it is gone
#   examples:
#     - denied: 'a pod that asks for a DatabaseUser which is being deleted'
#     - allowed: 'a pod that asks for another one'
deny contains {
	"code": "USER-DELETING",
	"message": sprintf("user %q in namespace %q is being deleted", [binding.user, binding.namespace]),
	"fix": "take it out of the annotation dbtether.io/inject, or create it again when it is gone",
	"path": path,
} if {
	some binding in input.binding
	binding.deleting
	binding.exists
}

# The rule of USER-EXPIRED has these conditions itself: a call would cost every review.
expired(binding) if {
	binding.expiresAt != ""
	past(binding.expiresAt)
}

past(at) if time.parse_rfc3339_ns(at) <= time.parse_rfc3339_ns(input.now)

path := `metadata.annotations["dbtether.io/inject"]`
