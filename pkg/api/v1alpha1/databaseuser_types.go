package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseUserSpec describes one login of a DBCluster and what it may do.
//
// +kubebuilder:validation:XValidation:rule="has(self.username) == has(oldSelf.username) && (!has(self.username) || self.username == oldSelf.username)",message="username is immutable and cannot be added later: create another DatabaseUser"
// +kubebuilder:validation:XValidation:rule="(has(self.databaseRef) ? 1 : 0) + (has(self.databaseRefs) ? 1 : 0) == 1",message="exactly one of databaseRef and databaseRefs must be set"
// +kubebuilder:validation:XValidation:rule="!has(self.databaseRefs) || self.databaseRefs.all(r, self.databaseRefs.exists_one(s, s.name == r.name && has(s.__namespace__) == has(r.__namespace__) && (!has(s.__namespace__) || s.__namespace__ == r.__namespace__)))",message="databaseRefs names one Database twice"
// +kubebuilder:validation:XValidation:rule="!has(self.secretGeneration) || self.secretGeneration != 'perDatabase' || !has(self.databaseRefs) || self.databaseRefs.all(r, self.databaseRefs.exists_one(s, s.name == r.name))",message="secretGeneration perDatabase names each Secret after its Database: Databases of one name in several namespaces need secretGeneration primary"
// +kubebuilder:validation:XValidation:rule="!has(self.additionalGrants) || self.additionalGrants.all(g, !has(g.database) || (has(self.databaseRef) && self.databaseRef.name == g.database) || (has(self.databaseRefs) && self.databaseRefs.exists(r, r.name == g.database)))",message="additionalGrants names a Database that the user does not refer to"
// +kubebuilder:validation:XValidation:rule="!has(self.secretGeneration) || self.secretGeneration != 'perDatabase' || !has(self.secretTemplate) || !has(self.secretTemplate.name)",message="secretGeneration perDatabase derives the names of the Secrets: leave secretTemplate.name out"
type DatabaseUserSpec struct {
	// The Database that the user may use.
	// +optional
	DatabaseRef *DatabaseAccess `json:"databaseRef,omitempty"`

	// The Databases that the user may use, all on one DBCluster. The first is the one that the Secret names.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	DatabaseRefs []DatabaseAccess `json:"databaseRefs,omitempty"`

	// Name of the login in PostgreSQL. Unset: the one that the DBCluster's naming makes, which is the resource's name with
	// - and . turned into _ unless it says otherwise.
	// At most 61 bytes, because alternating logins append a suffix to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=61
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['postgres','public','none']) && !self.startsWith('pg_') && !self.startsWith('rds') && !self.startsWith('cloudsql') && !self.startsWith('azure')",message="this role name belongs to PostgreSQL or to a provider"
	Username string `json:"username,omitempty"`

	// What the user may do in its databases, where a reference does not say.
	// +optional
	// +kubebuilder:default=readonly
	Privileges Privileges `json:"privileges,omitempty"`

	// Privileges on single tables, beyond what privileges gives.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	AdditionalGrants []TableGrant `json:"additionalGrants,omitempty"`

	// Settings of every session of the user (ALTER ROLE … SET): those that any user may change.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 63 && k.matches('^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$') && !(k.lowerAscii() in ['role','session_authorization']))",message="settings are names of settings; role and session_authorization are not among them"
	Settings map[string]SettingValue `json:"settings,omitempty"`

	// How many connections the user may have at once; -1: no limit.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ConnectionLimit *int32 `json:"connectionLimit,omitempty"`

	// How the password is generated.
	// +optional
	// +kubebuilder:default={}
	Password PasswordSpec `json:"password,omitempty"`

	// When and how the password is replaced.
	// +optional
	Rotation *RotationSpec `json:"rotation,omitempty"`

	// When the user may no longer log in. Its sessions end then too.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`

	// Service accounts of the user's namespace whose pods may have the credential. Unset: those of every pod in it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	ServiceAccounts []string `json:"serviceAccounts,omitempty"`

	// Whether a role of that name which dbtether did not create is taken over. It gets a new password, unless the Secret that
	// is taken over with it holds one that works. Dangerous roles are never taken over.
	// +optional
	Adopt bool `json:"adopt,omitempty"`

	// The Secret that receives the credential.
	// +optional
	// +kubebuilder:default={}
	SecretTemplate SecretTemplate `json:"secretTemplate,omitempty"`

	// With several databases: primary writes one Secret, which names the first; perDatabase writes one for each, named
	// <user>-<database>-credentials, all with the same password.
	// +optional
	// +kubebuilder:default=primary
	SecretGeneration SecretGeneration `json:"secretGeneration,omitempty"`

	// What happens to the login and its Secret when this resource is deleted.
	// +optional
	// +kubebuilder:default=Delete
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// DatabaseAccess names a Database and what a user may do in it.
type DatabaseAccess struct {
	// Name of the Database.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// Namespace of the Database. Unset: the user's own. Another one has to consent: annotation dbtether.io/allow-users-from
	// on the Database or its Namespace, or equal dbtether.io/team labels on both Namespaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// What the user may do in this database. Unset: what spec.privileges says.
	// +optional
	Privileges Privileges `json:"privileges,omitempty"`
}

// TableGrant gives privileges on tables.
type TableGrant struct {
	// Name of the Database, as it stands in the reference. Unset: every database of the user.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Database string `json:"database,omitempty"`

	// Tables and views, as "table" in the schema public or as "schema.table". One that does not exist gets its privileges
	// when it does.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Tables []TableName `json:"tables"`

	// What the user may do with them.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Privileges []TablePrivilege `json:"privileges"`
}

// TableName is the name of a table, with its schema before a dot where it is not public.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=127
// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]{0,62}([.][A-Za-z_][A-Za-z0-9_-]{0,62})?$`
type TableName string

// TablePrivilege is a privilege on a table (PostgreSQL manual, section "Privileges").
//
// +kubebuilder:validation:Enum=SELECT;INSERT;UPDATE;DELETE;TRUNCATE;REFERENCES;TRIGGER
type TablePrivilege string

// RotationSpec says when and how a password is replaced.
type RotationSpec struct {
	// Days after which the password is replaced by itself. Unset: only when somebody asks for it.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=365
	Days int32 `json:"days,omitempty"`

	// Alternate makes a second login, so that the old password works until the grace period is over; InPlace replaces the
	// password of the one login and ends its sessions.
	// +optional
	// +kubebuilder:default=Alternate
	Strategy RotationStrategy `json:"strategy,omitempty"`

	// How long the old login of Alternate still works, in Go's notation ("24h", "90m"). It works longer while a running pod
	// was injected with it.
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(h|m|s))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8760h')",message="gracePeriod is at most 8760h, a year"
	GracePeriod string `json:"gracePeriod,omitempty"`
}

// RotationStrategy says how a password is replaced.
//
// +kubebuilder:validation:Enum=Alternate;InPlace
type RotationStrategy string

// The two strategies.
const (
	RotateAlternate RotationStrategy = "Alternate"
	RotateInPlace   RotationStrategy = "InPlace"
)

// SecretGeneration says how many Secrets a user of several databases gets.
//
// +kubebuilder:validation:Enum=primary;perDatabase
type SecretGeneration string

// The two ways.
const (
	SecretPrimary     SecretGeneration = "primary"
	SecretPerDatabase SecretGeneration = "perDatabase"
)

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
	// +kubebuilder:validation:XValidation:rule="!self.matches('[.]v[0-9]+$')",message="a name that ends with .v and a number is that of a revision of another Secret"
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

	// What happens if a Secret of that name exists that is not the user's: Fail; Adopt takes it over and replaces what it
	// holds; Merge takes it over and leaves its other keys.
	// +optional
	// +kubebuilder:default=Fail
	OnConflict ConflictPolicy `json:"onConflict,omitempty"`
}

// ConflictPolicy says what happens to a Secret that belongs to something else.
//
// +kubebuilder:validation:Enum=Fail;Adopt;Merge
type ConflictPolicy string

// The three policies.
const (
	ConflictFail  ConflictPolicy = "Fail"
	ConflictAdopt ConflictPolicy = "Adopt"
	ConflictMerge ConflictPolicy = "Merge"
)

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
	// +kubebuilder:validation:Enum=Pending;Ready;Failed;Deleting;Expired
	Phase string `json:"phase,omitempty"`
	// What the last run did, or why it failed and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// The DBCluster that the login stands on.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClusterName string `json:"clusterName,omitempty"`
	// Name of the first database in PostgreSQL.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	DatabaseName string `json:"databaseName,omitempty"`
	// The databases that the user may use.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Databases []DatabaseAccessStatus `json:"databases,omitempty"`
	// The first database, and how many there are beside it.
	// +optional
	// +kubebuilder:validation:MaxLength=300
	DatabasesSummary string `json:"databasesSummary,omitempty"`
	// Name of the login in PostgreSQL that the Secret names.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Username string `json:"username,omitempty"`
	// Name that the logins of the user have in common.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	BaseUsername string `json:"baseUsername,omitempty"`
	// Name of the Secret with the credential.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
	// Revision of the Secret whose password the login has.
	// +optional
	SecretRevision int64 `json:"secretRevision,omitempty"`
	// What the login and its Secret looked like when they were last found as they should be.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Fingerprint string `json:"fingerprint,omitempty"`
	// Names of the settings that were made, so that those no longer asked for are reset.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Settings []string `json:"settings,omitempty"`
	// When the password was last replaced, and what is left of the old one.
	// +optional
	Rotation *RotationStatus `json:"rotation,omitempty"`
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

// DatabaseAccessStatus is what a user may do in a database.
type DatabaseAccessStatus struct {
	// Name of the Database.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Namespace of the Database.
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// Name of the database in PostgreSQL.
	// +kubebuilder:validation:MaxLength=63
	DatabaseName string `json:"databaseName"`
	// What the user may do in it.
	Privileges Privileges `json:"privileges"`
	// Name of its Secret, with secretGeneration perDatabase.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// RotationStatus is where the rotation of a password stands.
type RotationStatus struct {
	// When the password that holds now took the place of the one before.
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`
	// When the next one is due.
	// +optional
	NextTime *metav1.Time `json:"nextTime,omitempty"`
	// The value of the annotation dbtether.io/rotate that was answered last.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Request string `json:"request,omitempty"`
	// The value of the annotation dbtether.io/rotate that cannot be answered yet; the message of the status says why.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	WaitingRequest string `json:"waitingRequest,omitempty"`
	// The login that held before and still works.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	OldUsername string `json:"oldUsername,omitempty"`
	// When the old login ends at the earliest.
	// +optional
	OldUntil *metav1.Time `json:"oldUntil,omitempty"`
	// Running pods that were injected with the old login, as namespace/name; it lives until they are gone.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=320
	HeldBy []string `json:"heldBy,omitempty"`
}

// DatabaseUser is a login of a PostgreSQL server, its privileges and its Secret.
//
// +kubebuilder:validation:XValidation:rule="has(self.spec.username) || size(self.metadata.name) <= 61",message="a resource name over 61 characters needs spec.username",fieldPath=".spec.username"
// +kubebuilder:validation:XValidation:rule="has(self.spec.username) || !(self.metadata.name in ['postgres','public','none'] || self.metadata.name.startsWith('pg-') || self.metadata.name.startsWith('pg.') || self.metadata.name.startsWith('rds') || self.metadata.name.startsWith('cloudsql') || self.metadata.name.startsWith('azure'))",message="as a role name this resource name belongs to PostgreSQL or to a provider: set spec.username",fieldPath=".spec.username"
// +kubebuilder:validation:XValidation:rule="(has(self.spec.secretTemplate) && has(self.spec.secretTemplate.name)) || size(self.metadata.name) <= 231",message="a resource name over 231 characters needs spec.secretTemplate.name",fieldPath=".spec.secretTemplate.name"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.secretGeneration) || self.spec.secretGeneration != 'perDatabase' || ((!has(self.spec.databaseRef) || size(self.metadata.name) + size(self.spec.databaseRef.name) <= 230) && (!has(self.spec.databaseRefs) || self.spec.databaseRefs.all(r, size(self.metadata.name) + size(r.name) <= 230)))",message="with secretGeneration perDatabase the resource's name and that of each Database have at most 230 characters together",fieldPath=".spec.secretGeneration"
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=dbu,categories=dbtether
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Database",type=string,JSONPath=`.status.databasesSummary`
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
