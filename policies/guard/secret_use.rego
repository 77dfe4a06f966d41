# METADATA
# scope: package
# title: Credentials that a pod takes by itself
# description: >-
#   A pod has the credential of a DatabaseUser because it asks for it in its annotation
#   dbtether.io/inject, and never only because it knows the name of the Secret: what asks
#   is judged, is counted when the password is rotated, and is told what it lacks.
# custom:
#   mode: deny
package dbtether.policies.guard.secret_use

# METADATA
# title: The pod uses a credential that it does not ask for
# description: >-
#   The pod refers to the Secret of a DatabaseUser, or to a revision of it, and its
#   annotation dbtether.io/inject does not name that user.
# custom:
#   code: SECRET-NOT-REQUESTED
#   fix: name the user in the annotation dbtether.io/inject of the pod
#   examples:
#     - denied: 'a pod with envFrom of Secret orders-api-credentials, and without the annotation'
#     - allowed: 'the same pod with dbtether.io/inject: orders-api'
deny contains {
	"code": "SECRET-NOT-REQUESTED",
	"message": sprintf("the pod uses Secret %q, the credential of user %q in namespace %q, and does not ask for it", [
		use.name, use.user, input.namespace.name,
	]),
	"fix": sprintf("add %q to the annotation dbtether.io/inject of the pod, which then needs no reference of its own", [use.user]),
	"path": use.path,
} if {
	some use in input.secrets
	not use.requested
}

# METADATA
# title: The pod's service account may not have this credential
# description: >-
#   The DatabaseUser lists service accounts, and that of the pod is not among them. What the
#   pod asks for by its annotation is judged in the area workload.
# custom:
#   code: SERVICE-ACCOUNT-NOT-ALLOWED
#   fix: run the pod as one of those, or add its service account to spec.serviceAccounts of the DatabaseUser
#   examples:
#     - denied: 'a pod of service account default that mounts the Secret of a DatabaseUser with serviceAccounts [api]'
#     - allowed: 'the same pod with serviceAccountName api'
deny contains {
	"code": "SERVICE-ACCOUNT-NOT-ALLOWED",
	"message": sprintf("service account %q may not have the credential of user %q in namespace %q (allowed: %s)", [
		input.workload.serviceAccount, use.user, input.namespace.name, concat(", ", use.serviceAccounts),
	]),
	"fix": sprintf("run the pod as one of those, or add %q to spec.serviceAccounts of the DatabaseUser", [input.workload.serviceAccount]),
	"path": "spec.serviceAccountName",
} if {
	some use in input.secrets
	not use.requested
	count(use.serviceAccounts) > 0
	not input.workload.serviceAccount in use.serviceAccounts
}
