package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseSpec describes one database of a DBCluster.
//
// +kubebuilder:validation:XValidation:rule="self.clusterRef.name == oldSelf.clusterRef.name",message="clusterRef is immutable: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.databaseName) == has(oldSelf.databaseName) && (!has(self.databaseName) || self.databaseName == oldSelf.databaseName)",message="databaseName is immutable and cannot be added later: create another Database"
type DatabaseSpec struct {
	// The DBCluster that holds the database.
	ClusterRef ClusterReference `json:"clusterRef"`

	// Name of the database in PostgreSQL. Unset: the resource's name with - and . turned into _.
	// At most 57 bytes, because the groups of the database append a suffix to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=57
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['postgres','template0','template1','rdsadmin','cloudsqladmin','alloydbadmin','azure_maintenance','azure_sys']) && !self.startsWith('pg_')",message="this database name belongs to PostgreSQL or to a provider"
	DatabaseName string `json:"databaseName,omitempty"`

	// Schemas to create beside public.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Schemas []SchemaName `json:"schemas,omitempty"`

	// Trusted extensions to create, in the schema public.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Extensions []ExtensionName `json:"extensions,omitempty"`

	// How many connections the database takes at once; -1: no limit.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ConnectionLimit *int32 `json:"connectionLimit,omitempty"`

	// What happens to the database when this resource is deleted.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// Whether the API server refuses to delete this resource.
	// +optional
	DeletionProtection bool `json:"deletionProtection,omitempty"`
}

// ClusterReference names a DBCluster.
type ClusterReference struct {
	// Name of the DBCluster.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
}

// SchemaName is the name of a schema.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
// +kubebuilder:validation:XValidation:rule="!self.startsWith('pg_') && self != 'information_schema'",message="this schema name belongs to PostgreSQL"
type SchemaName string

// ExtensionName is the name of an extension.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_-]*$`
type ExtensionName string

// DeletionPolicy says whether deleting the resource deletes what it describes.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// The two deletion policies.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// DatabaseStatus is what the last run found and did.
type DatabaseStatus struct {
	// How far the last run came.
	// +optional
	// +kubebuilder:validation:Enum=Pending;Ready;Failed;Deleting
	Phase string `json:"phase,omitempty"`
	// What the last run did, or why it failed and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// Name of the database in PostgreSQL.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	DatabaseName string `json:"databaseName,omitempty"`
	// Generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// The state in detail, by type of condition.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Database is a database of a PostgreSQL server.
//
// +kubebuilder:validation:XValidation:rule="has(self.spec.databaseName) || size(self.metadata.name) <= 57",message="a resource name over 57 characters needs spec.databaseName",fieldPath=".spec.databaseName"
// +kubebuilder:validation:XValidation:rule="has(self.spec.databaseName) || !(self.metadata.name in ['postgres','template0','template1','rdsadmin','cloudsqladmin','alloydbadmin','azure-maintenance','azure.maintenance','azure-sys','azure.sys'] || self.metadata.name.startsWith('pg-') || self.metadata.name.startsWith('pg.'))",message="as a database name this resource name belongs to PostgreSQL or to a provider: set spec.databaseName",fieldPath=".spec.databaseName"
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=db,categories=dbtether
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Database",type=string,JSONPath=`.status.databaseName`
// +kubebuilder:printcolumn:name="Deletion",type=string,JSONPath=`.spec.deletionPolicy`,priority=1
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Database struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DatabaseSpec   `json:"spec"`
	Status DatabaseStatus `json:"status,omitempty"`
}

// DatabaseList is a list of Databases.
//
// +kubebuilder:object:root=true
type DatabaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Database `json:"items"`
}
