package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseUserSpec describes one login of a DBCluster and what it may do.
//
// +kubebuilder:validation:XValidation:rule="has(self.username) == has(oldSelf.username) && (!has(self.username) || self.username == oldSelf.username)",message="username is immutable and cannot be added later: create another DatabaseUser"
// +kubebuilder:validation:XValidation:rule="self.databaseRef.name == oldSelf.databaseRef.name",message="databaseRef is immutable: create another DatabaseUser"
type DatabaseUserSpec struct {
	// The Database that the user may use, in the same namespace.
	DatabaseRef DatabaseReference `json:"databaseRef"`

	// Name of the login in PostgreSQL. Unset: the resource's name with - and . turned into _.
	// At most 61 bytes, because alternating logins append a suffix to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=61
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['postgres','public','none']) && !self.startsWith('pg_') && !self.startsWith('rds') && !self.startsWith('cloudsql') && !self.startsWith('azure')",message="this role name belongs to PostgreSQL or to a provider"
	Username string `json:"username,omitempty"`

	// What the user may do in the database.
	// +optional
	// +kubebuilder:default=readonly
	Privileges Privileges `json:"privileges,omitempty"`

	// How many connections the user may have at once; -1: no limit.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ConnectionLimit *int32 `json:"connectionLimit,omitempty"`

	// How the password is generated.
	// +optional
	// +kubebuilder:default={}
	Password PasswordSpec `json:"password,omitempty"`

	// The Secret that receives the credential.
	// +optional
	// +kubebuilder:default={}
	SecretTemplate SecretTemplate `json:"secretTemplate,omitempty"`

	// What happens to the login and its Secret when this resource is deleted.
	// +optional
	// +kubebuilder:default=Delete
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// DatabaseReference names a Database.
type DatabaseReference struct {
	// Name of the Database.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
}

// Privileges is what a user may do in a database, now and for every object created later.
//
// +kubebuilder:validation:Enum=readonly;readwrite;admin
type Privileges string

// The three privileges. README lists what each may do.
const (
	ReadOnly  Privileges = "readonly"
	ReadWrite Privileges = "readwrite"
	Admin     Privileges = "admin"
)

// PasswordSpec says how a password is generated.
type PasswordSpec struct {
	// Number of characters.
	// +optional
	// +kubebuilder:default=32
	// +kubebuilder:validation:Minimum=12
	// +kubebuilder:validation:Maximum=64
	Length int32 `json:"length,omitempty"`
}

// SecretTemplate says how the Secret of a user is named and which keys it has.
//
// +kubebuilder:validation:XValidation:rule="(has(self.keys) && size(self.keys) > 0) == (has(self.format) && self.format == 'custom')",message="keys and format: custom go together"
type SecretTemplate struct {
	// Name of the Secret. Unset: the resource's name with -credentials appended.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=243
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// Additional keys, beside those of the Service Binding specification which are always there.
	// +optional
	// +kubebuilder:default=raw
	Format SecretFormat `json:"format,omitempty"`

	// With format custom: the names of additional keys, by field (host, port, database, username or user, password, uri, jdbc-uri, sslmode).
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['host','port','database','username','user','password','uri','jdbc-uri','sslmode'] && self[k].matches('^[A-Za-z0-9._-]{1,253}$'))",message="keys maps host, port, database, username (or user), password, uri, jdbc-uri or sslmode to a valid Secret key"
	Keys map[string]SecretKey `json:"keys,omitempty"`
}

// SecretKey is the name of a key in a Secret.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
type SecretKey string

// SecretFormat names a set of keys.
//
// +kubebuilder:validation:Enum=raw;DB;DATABASE;POSTGRES;PG;custom
type SecretFormat string

// The key formats.
const (
	FormatRaw      SecretFormat = "raw"
	FormatDB       SecretFormat = "DB"
	FormatDatabase SecretFormat = "DATABASE"
	FormatPostgres SecretFormat = "POSTGRES"
	FormatPG       SecretFormat = "PG"
	FormatCustom   SecretFormat = "custom"
)

// DatabaseUserStatus is what the last run found and did.
type DatabaseUserStatus struct {
	// How far the last run came.
	// +optional
	// +kubebuilder:validation:Enum=Pending;Ready;Failed;Deleting
	Phase string `json:"phase,omitempty"`
	// What the last run did, or why it failed and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// The DBCluster that the login stands on.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClusterName string `json:"clusterName,omitempty"`
	// Name of the database in PostgreSQL.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	DatabaseName string `json:"databaseName,omitempty"`
	// Name of the login in PostgreSQL.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Username string `json:"username,omitempty"`
	// Name of the Secret with the credential.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
	// Revision of the Secret whose password the login has.
	// +optional
	SecretRevision int64 `json:"secretRevision,omitempty"`
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

// DatabaseUser is a login of a PostgreSQL server, its privileges and its Secret.
//
// +kubebuilder:validation:XValidation:rule="has(self.spec.username) || size(self.metadata.name) <= 61",message="a resource name over 61 characters needs spec.username",fieldPath=".spec.username"
// +kubebuilder:validation:XValidation:rule="has(self.spec.username) || !(self.metadata.name in ['postgres','public','none'] || self.metadata.name.startsWith('pg-') || self.metadata.name.startsWith('pg.') || self.metadata.name.startsWith('rds') || self.metadata.name.startsWith('cloudsql') || self.metadata.name.startsWith('azure'))",message="as a role name this resource name belongs to PostgreSQL or to a provider: set spec.username",fieldPath=".spec.username"
// +kubebuilder:validation:XValidation:rule="(has(self.spec.secretTemplate) && has(self.spec.secretTemplate.name)) || size(self.metadata.name) <= 231",message="a resource name over 231 characters needs spec.secretTemplate.name",fieldPath=".spec.secretTemplate.name"
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=dbu,categories=dbtether
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Database",type=string,JSONPath=`.spec.databaseRef.name`
// +kubebuilder:printcolumn:name="Username",type=string,JSONPath=`.status.username`
// +kubebuilder:printcolumn:name="Privileges",type=string,JSONPath=`.spec.privileges`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretName`,priority=1
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DatabaseUser struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DatabaseUserSpec   `json:"spec"`
	Status DatabaseUserStatus `json:"status,omitempty"`
}

// DatabaseUserList is a list of DatabaseUsers.
//
// +kubebuilder:object:root=true
type DatabaseUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DatabaseUser `json:"items"`
}
