package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseSpec describes one database of a DBCluster.
//
// +kubebuilder:validation:XValidation:rule="self.clusterRef.name == oldSelf.clusterRef.name",message="clusterRef is immutable: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.databaseName) == has(oldSelf.databaseName) && (!has(self.databaseName) || self.databaseName == oldSelf.databaseName)",message="databaseName is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.template) == has(oldSelf.template) && (!has(self.template) || self.template == oldSelf.template)",message="template is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.encoding) == has(oldSelf.encoding) && (!has(self.encoding) || self.encoding == oldSelf.encoding)",message="encoding is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.lcCollate) == has(oldSelf.lcCollate) && (!has(self.lcCollate) || self.lcCollate == oldSelf.lcCollate)",message="lcCollate is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.lcCtype) == has(oldSelf.lcCtype) && (!has(self.lcCtype) || self.lcCtype == oldSelf.lcCtype)",message="lcCtype is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.localeProvider) == has(oldSelf.localeProvider) && (!has(self.localeProvider) || self.localeProvider == oldSelf.localeProvider)",message="localeProvider is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.icuLocale) == has(oldSelf.icuLocale) && (!has(self.icuLocale) || self.icuLocale == oldSelf.icuLocale)",message="icuLocale is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.builtinLocale) == has(oldSelf.builtinLocale) && (!has(self.builtinLocale) || self.builtinLocale == oldSelf.builtinLocale)",message="builtinLocale is immutable and cannot be added later: create another Database"
// +kubebuilder:validation:XValidation:rule="has(self.icuLocale) == (has(self.localeProvider) && self.localeProvider == 'icu')",message="icuLocale and localeProvider: icu go together"
// +kubebuilder:validation:XValidation:rule="has(self.builtinLocale) == (has(self.localeProvider) && self.localeProvider == 'builtin')",message="builtinLocale and localeProvider: builtin go together"
// +kubebuilder:validation:XValidation:rule="!has(self.template) || self.template == 'template0' || !(has(self.encoding) || has(self.lcCollate) || has(self.lcCtype) || has(self.localeProvider))",message="encoding and locale can be chosen with template0 only: another template brings its own"
// +kubebuilder:validation:XValidation:rule="!(has(self.forceDrop) && self.forceDrop && has(self.deletionProtection) && self.deletionProtection)",message="forceDrop and deletionProtection exclude each other"
// +kubebuilder:validation:XValidation:rule="!has(self.extensions) || self.extensions.all(e, self.extensions.exists_one(f, f.split(' ')[0] == e.split(' ')[0]))",message="extensions names one extension twice"
type DatabaseSpec struct {
	// The DBCluster that holds the database.
	ClusterRef ClusterReference `json:"clusterRef"`

	// Name of the database in PostgreSQL. Unset: the one that the DBCluster's naming makes, which is the resource's name with
	// - and . turned into _ unless it says otherwise.
	// At most 57 bytes, because the groups of the database append a suffix to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=57
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['postgres','template0','template1','rdsadmin','cloudsqladmin','alloydbadmin','azure_maintenance','azure_sys']) && !self.startsWith('pg_')",message="this database name belongs to PostgreSQL or to a provider"
	DatabaseName string `json:"databaseName,omitempty"`

	// DatabaseUser of this namespace, by name, that owns the database: it becomes a member of the database's owner group,
	// which is what privileges admin means.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Owner string `json:"owner,omitempty"`

	// Database that the new one is a copy of. Unset: template0. Others must be marked as templates (ALTER DATABASE … IS_TEMPLATE).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	Template string `json:"template,omitempty"`

	// Character set of the database, in PostgreSQL's words. Unset: UTF8 with template0.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_]*$`
	Encoding string `json:"encoding,omitempty"`

	// Sort order, a locale of the server's operating system. Unset: the template's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_.@-]*$`
	LcCollate string `json:"lcCollate,omitempty"`

	// Classes of characters, a locale of the server's operating system. Unset: the template's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_.@-]*$`
	LcCtype string `json:"lcCtype,omitempty"`

	// Where the default collation comes from. icu needs PostgreSQL 15, builtin 17.
	// +optional
	// +kubebuilder:validation:Enum=libc;icu;builtin
	LocaleProvider string `json:"localeProvider,omitempty"`

	// ICU locale, as a BCP 47 language tag, with localeProvider icu.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`
	IcuLocale string `json:"icuLocale,omitempty"`

	// Locale of the builtin provider, with localeProvider builtin.
	// +optional
	// +kubebuilder:validation:Enum=C;"C.UTF-8";PG_UNICODE_FAST
	BuiltinLocale string `json:"builtinLocale,omitempty"`

	// Schemas to create beside public.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Schemas []SchemaName `json:"schemas,omitempty"`

	// Extensions to create: a name, optionally followed by SCHEMA and VERSION as in CREATE EXTENSION: "hstore SCHEMA app VERSION 1.8".
	// Without a schema they go to public, without a version the default one is created. Trusted ones, and those that the
	// DBCluster allows.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Extensions []Extension `json:"extensions,omitempty"`

	// Settings of every session in the database (ALTER DATABASE … SET): those that any user may change.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 63 && k.matches('^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$') && !(k.lowerAscii() in ['role','session_authorization']))",message="parameters are names of settings; role and session_authorization are not among them"
	Parameters map[string]SettingValue `json:"parameters,omitempty"`

	// Whether the right to connect is taken from PUBLIC, that is, from every role that was not given it. Unset: true for a
	// database that dbtether created, false for one that it adopted.
	// +optional
	RevokePublicConnect *bool `json:"revokePublicConnect,omitempty"`

	// How many connections the database takes at once; -1: no limit.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ConnectionLimit *int32 `json:"connectionLimit,omitempty"`

	// What happens to the database when this resource is deleted.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// Whether deleting the database ends the sessions that use it. Unset: they block the deletion.
	// +optional
	ForceDrop bool `json:"forceDrop,omitempty"`

	// Whether the API server refuses to delete this resource.
	// +optional
	DeletionProtection bool `json:"deletionProtection,omitempty"`

	// Whether a database of that name which dbtether did not create is taken over. Its objects, owners and privileges
	// stay as they are.
	// +optional
	Adopt bool `json:"adopt,omitempty"`
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

// SettingValue is the value of a setting, as in SET … TO 'value'.
//
// +kubebuilder:validation:MaxLength=1024
type SettingValue string

// Extension is the name of an extension, and optionally its schema and version:
// "hstore SCHEMA app VERSION 1.8".
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=200
// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_-]{0,62}( SCHEMA [A-Za-z_][A-Za-z0-9_-]{0,62})?( VERSION [A-Za-z0-9._-]{1,32})?$`
// +kubebuilder:validation:XValidation:rule="!self.matches('^[^ ]+ SCHEMA (pg_|information_schema( |$))')",message="this schema name belongs to PostgreSQL"
type Extension string

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
	// What the database looked like when it was last read as a whole: unchanged, it need not be read again.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Fingerprint string `json:"fingerprint,omitempty"`
	// Whether the database was there before, and was taken over.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// When the database was created or adopted.
	// +optional
	ProvisionedTime *metav1.Time `json:"provisionedTime,omitempty"`
	// Names of the settings that were made, so that those no longer asked for are reset.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Parameters []string `json:"parameters,omitempty"`
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
