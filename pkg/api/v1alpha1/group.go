package v1alpha1

import "k8s.io/apimachinery/pkg/runtime/schema"

// GroupVersion is the API group and version of every type here.
var GroupVersion = schema.GroupVersion{Group: "dbtether.io", Version: "v1alpha1"}

// The resources, as the API server names them.
var (
	DBClusters    = GroupVersion.WithResource("dbclusters")
	Databases     = GroupVersion.WithResource("databases")
	DatabaseUsers = GroupVersion.WithResource("databaseusers")
)

// The kinds.
const (
	KindDBCluster    = "DBCluster"
	KindDatabase     = "Database"
	KindDatabaseUser = "DatabaseUser"
)

// Finalizer keeps a resource until PostgreSQL has been cleaned up after it.
const Finalizer = "dbtether.io/finalizer"

// SystemNamespace is the namespace of what dbtether itself runs, and of its policies.
const SystemNamespace = "dbtether-system"

// FieldManager is the name under which the API server records our writes.
const FieldManager = "dbtether"
