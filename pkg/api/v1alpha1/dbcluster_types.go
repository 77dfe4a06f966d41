package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DBClusterSpec says where a PostgreSQL server is and who administers it.
//
// +kubebuilder:validation:XValidation:rule="(has(self.credentialsSecretRef) ? 1 : 0) + (has(self.credentialsFromEnv) ? 1 : 0) == 1",message="exactly one of credentialsSecretRef and credentialsFromEnv must be set"
// +kubebuilder:validation:XValidation:rule="!has(self.caSecretRef) || !has(self.sslMode) || self.sslMode in ['verify-ca','verify-full']",message="caSecretRef needs sslMode verify-ca or verify-full"
// +kubebuilder:validation:XValidation:rule="has(self.caSecretRef) || !has(self.sslMode) || self.sslMode != 'verify-ca'",message="sslMode verify-ca needs caSecretRef"
type DBClusterSpec struct {
	// Host name or IP address of the server.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.:_-]+$`
	Endpoint string `json:"endpoint"`

	// TCP port of the server.
	// +optional
	// +kubebuilder:default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// Database that the administrator connects to, where the locks between writers are taken.
	// +optional
	// +kubebuilder:default=postgres
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*$`
	AdminDatabase string `json:"adminDatabase,omitempty"`

	// How the connection is secured, in libpq's words. Unset: verify-full where caSecretRef is set, else require.
	// +optional
	// +kubebuilder:validation:Enum=disable;allow;prefer;require;verify-ca;verify-full
	SSLMode string `json:"sslMode,omitempty"`

	// Secret with the certificate authority of the server's certificate.
	// +optional
	CASecretRef *SecretKeyReference `json:"caSecretRef,omitempty"`

	// Secret with the administrator's user name and password, under the keys username and password.
	// +optional
	CredentialsSecretRef *SecretReference `json:"credentialsSecretRef,omitempty"`

	// Names of environment variables of the process that connects, which hold the administrator's user name and password.
	// +optional
	CredentialsFromEnv *CredentialsFromEnv `json:"credentialsFromEnv,omitempty"`

	// Namespaces that may use the cluster. With namespaceSelector, either admits; neither set: every namespace; an empty list: none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	AllowedNamespaces []string `json:"allowedNamespaces,omitzero"`

	// Labels of the namespaces that may use the cluster.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// How databases and logins are named in PostgreSQL where their resource does not say: {name} and {namespace} stand for those
	// of the resource, with - and . turned into _. Unset: {name}. What exists keeps its name.
	// +optional
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9_]|[{]name[}]|[{]namespace[}])+$`
	// +kubebuilder:validation:XValidation:rule="self.contains('{name}') && !self.matches('^[0-9]')",message="naming must contain {name} and not begin with a digit"
	Naming string `json:"naming,omitempty"`

	// Extensions that databases may have although they are not trusted. The administrator creates them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=128
	AllowedExtensions []ExtensionName `json:"allowedExtensions,omitempty"`

	// Which existing databases and roles the runner may adopt. Unset: none; someone who can read the administrator's
	// credential can adopt.
	// +optional
	Adoption *Adoption `json:"adoption,omitempty"`
}

// Adoption names existing databases and roles. A * in a name stands for any characters.
type Adoption struct {
	// Names of databases.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Databases []string `json:"databases,omitempty"`
	// Names of roles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Roles []string `json:"roles,omitempty"`
}

// SecretReference names a Secret in a namespace.
type SecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
	// Namespace of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace"`
}

// SecretKeyReference names one key of a Secret in a namespace.
type SecretKeyReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
	// Namespace of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace"`
	// Key whose value is the certificate authority, in PEM.
	// +optional
	// +kubebuilder:default=ca.crt
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	Key string `json:"key,omitempty"`
}

// CredentialsFromEnv names environment variables, not their values.
type CredentialsFromEnv struct {
	// Name of the variable that holds the user name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	Username string `json:"username"`
	// Name of the variable that holds the password.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	Password string `json:"password"`
}

// DBClusterStatus is what the last contact with the server found.
type DBClusterStatus struct {
	// How far the last run came.
	// +optional
	// +kubebuilder:validation:Enum=Pending;Connected;Failed
	Phase string `json:"phase,omitempty"`
	// What the last run did, or why it failed and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// The server's own version string, for example 18.4.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PostgresVersion string `json:"postgresVersion,omitempty"`
	// How many connections the server takes from logins that are no superusers: its max_connections without those that it
	// reserves.
	// +optional
	MaxConnections int32 `json:"maxConnections,omitempty"`
	// When the server was last asked.
	// +optional
	LastCheckTime *metav1.Time `json:"lastCheckTime,omitempty"`
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

// DBCluster is a PostgreSQL server that namespaces share.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=dbc,categories=dbtether
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.endpoint`
// +kubebuilder:printcolumn:name="Port",type=integer,JSONPath=`.spec.port`,priority=1
// +kubebuilder:printcolumn:name="SSL",type=string,JSONPath=`.spec.sslMode`,priority=1
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.postgresVersion`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DBCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DBClusterSpec   `json:"spec"`
	Status DBClusterStatus `json:"status,omitempty"`
}

// DBClusterList is a list of DBClusters.
//
// +kubebuilder:object:root=true
type DBClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DBCluster `json:"items"`
}
