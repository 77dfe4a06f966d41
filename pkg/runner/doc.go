// Package runner watches the resources and does what each of them asks for, when it
// changes and when its time has come: the same work as a person's reconcile, by the same
// code, without anybody who types it. It decides when and in what order; what is done,
// and whether it may be, package provision decides.
//
// The markers below are the rights that it needs; `make generate` turns them into
// manifests/rbac/runner_role.yaml.
//
// +kubebuilder:rbac:groups=dbtether.io,resources=dbclusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=dbtether.io,resources=databases;databaseusers,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=dbtether.io,resources=dbclusters/status;databases/status;databaseusers/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;create;patch;delete
// +kubebuilder:rbac:groups="",resources=events,verbs=create
// +kubebuilder:rbac:groups="",namespace=dbtether-system,resources=configmaps,verbs=list;watch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=dbtether-system,resources=leases,resourceNames=dbtether-runner,verbs=get;update
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=dbtether-system,resources=leases,verbs=create
package runner
