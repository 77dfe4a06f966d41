# METADATA
# scope: package
# title: Namespaces whose pods can have credentials
# description: >-
#   Pods get credentials in namespaces that are labelled dbtether.io/injection=enabled. For
#   a pod the API server says so itself; a template is told before its pods are refused.
# custom:
#   mode: deny
package dbtether.policies.workload.namespace_enabled

# METADATA
# title: The namespace is not enabled
# description: The workload asks for a credential in a namespace without the label.
# custom:
#   code: NAMESPACE-NOT-ENABLED
#   fix: have the namespace labelled dbtether.io/injection=enabled
#   examples:
#     - denied: 'a Deployment with dbtether.io/inject in a namespace without the label'
#     - allowed: 'the same in a namespace with dbtether.io/injection=enabled'
deny contains {
	"code": "NAMESPACE-NOT-ENABLED",
	"message": sprintf("the pod asks for credentials (dbtether.io/inject), but namespace %q is not labelled for it", [input.namespace.name]),
	"fix": sprintf("ask the platform team to run: kubectl label namespace %s dbtether.io/injection=enabled", [input.namespace.name]),
	"path": `metadata.annotations["dbtether.io/inject"]`,
} if {
	count(input.binding) > 0
	not input.workload.injectionEnabled
}
