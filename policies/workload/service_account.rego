# METADATA
# scope: package
# title: Service accounts that may have a credential
# description: >-
#   A DatabaseUser that lists service accounts is for their pods only. Whoever may create
#   pods in its namespace could have its credential otherwise.
# custom:
#   mode: deny
package dbtether.policies.workload.service_account

# METADATA
# title: The pod's service account may not have this credential
# description: >-
#   The DatabaseUser lists service accounts, and that of the pod is not among them. A pod
#   that names none runs as default.
# custom:
#   code: SERVICE-ACCOUNT-NOT-ALLOWED
#   fix: run the pod as one of those, or add its service account to spec.serviceAccounts of the DatabaseUser
#   examples:
#     - denied: 'a pod of service account default that asks for a DatabaseUser with serviceAccounts [api]'
#     - allowed: 'the same pod with serviceAccountName api'
deny contains {
	"code": "SERVICE-ACCOUNT-NOT-ALLOWED",
	"message": sprintf("service account %q may not have the credential of user %q in namespace %q (allowed: %s)", [
		input.workload.serviceAccount, binding.user, binding.namespace, concat(", ", binding.serviceAccounts),
	]),
	"fix": sprintf("run the pod as one of those, or add %q to spec.serviceAccounts of the DatabaseUser", [input.workload.serviceAccount]),
	"path": "spec.serviceAccountName",
} if {
	some binding in input.binding
	count(binding.serviceAccounts) > 0
	not input.workload.serviceAccount in binding.serviceAccounts
}
