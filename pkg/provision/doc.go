// Package provision turns resources into the state of a PostgreSQL server and
// of the Secrets that hold its credentials: it gathers what a resource refers
// to, lets package postgres observe, plan and apply, and writes the outcome to
// the Secret and to the resource's status. It is the same code for a person's
// command and for a run by a machine.
//
// The markers below are the rights of a person who provisions; `make generate` turns
// them into manifests/rbac/provisioner_role.yaml. Those of the runner stand in package
// runner.
//
// +kubebuilder:rbac:groups=dbtether.io,resources=dbclusters,verbs=get;list
// +kubebuilder:rbac:groups=dbtether.io,resources=databases;databaseusers,verbs=get;list;create;patch;delete
// +kubebuilder:rbac:groups=dbtether.io,resources=dbclusters/status;databases/status;databaseusers/status,verbs=patch
// +kubebuilder:rbac:groups="",namespace=dbtether-system,resources=configmaps,verbs=list
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;create;patch;delete
package provision
