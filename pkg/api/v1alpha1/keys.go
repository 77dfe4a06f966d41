package v1alpha1

// Labels and annotations of managed Secrets and their revisions.
const (
	// LabelManaged is "true" on every Secret that dbtether keeps a history of.
	LabelManaged = "dbtether.io/managed"
	// LabelRevisionOf names, on a revision, the Secret that it is a revision of.
	// A name over 63 characters is shortened to a prefix and a hash.
	LabelRevisionOf = "dbtether.io/revision-of"
	// AnnotationRevision is the number of the revision: on a revision its own,
	// on the live Secret that of its content.
	AnnotationRevision = "dbtether.io/revision"
	// AnnotationAuthor is the authenticated user who wrote a revision.
	AnnotationAuthor = "dbtether.io/author"
	// AnnotationReason says why a revision was written, in the author's words.
	AnnotationReason = "dbtether.io/reason"
	// AnnotationOwner is the UID of the resource that a managed Secret belongs to. It
	// outlives the owner reference, which a retained credential does not have.
	AnnotationOwner = "dbtether.io/owner-uid"
	// AnnotationKeys lists the keys of a managed Secret, so that a list can show
	// them without reading values.
	AnnotationKeys = "dbtether.io/keys"
	// AnnotationFollows is, on a revision, the UID of the revision that the Secret held
	// when this one was written; absent where there was no Secret. Where the Secret still holds
	// that one, the writer of this one was interrupted.
	AnnotationFollows = "dbtether.io/follows"
	// AnnotationChanges lists, on a revision, the keys that differ from the content that it
	// follows: "+added ~changed -removed".
	AnnotationChanges = "dbtether.io/changes"
	// AnnotationType is, on a revision, the type of the Secret, where that is not Opaque.
	AnnotationType = "dbtether.io/type"
	// AnnotationDeleted is "true" on a revision that says that the Secret was deleted.
	AnnotationDeleted = "dbtether.io/deleted"
	// AnnotationMarks holds, on a revision that AnnotationDeleted is on, the labels of the
	// Secret and those of its annotations that an undeletion brings back, as JSON.
	AnnotationMarks = "dbtether.io/marks"
	// AnnotationHistoryLimit is how many revisions of a managed Secret are kept.
	AnnotationHistoryLimit = "dbtether.io/history-limit"
	// AnnotationExpiresAt is when the content of a managed Secret is no longer to be used
	// (RFC 3339).
	AnnotationExpiresAt = "dbtether.io/expires-at"
	// AnnotationRotation says, on a managed Secret, which keys are generated anew, how, and
	// after how many days; AnnotationRotatedAt when they last were (RFC 3339).
	AnnotationRotation  = "dbtether.io/rotation"
	AnnotationRotatedAt = "dbtether.io/rotated-at"
	// AnnotationProtected is "true" on a managed Secret that nobody edits or deletes by
	// hand.
	AnnotationProtected = "dbtether.io/protected"
)

// Annotations that ask for injection, on a pod, and the labels that admit it.
const (
	// AnnotationInject names the DatabaseUsers whose credentials a pod gets:
	// "orders-api", or "orders-api,reports=analytics-ro" with an alias.
	AnnotationInject = "dbtether.io/inject"
	// AnnotationAs says in which form: env, files, both or libpq.
	AnnotationAs = "dbtether.io/as"
	// AnnotationEnv gives further variables: "DATABASE_URL=uri".
	AnnotationEnv = "dbtether.io/env"
	// AnnotationFiles gives further files: "user=username".
	AnnotationFiles = "dbtether.io/files"
	// AnnotationPath is the directory below which each credential has its own.
	AnnotationPath = "dbtether.io/path"
	// AnnotationFileMode is the mode of the files, in octal: "0440".
	AnnotationFileMode = "dbtether.io/file-mode"
	// AnnotationOptional is "true" on a pod that starts without a credential that is not
	// there yet.
	AnnotationOptional = "dbtether.io/optional"
	// AnnotationContainers restricts injection to some containers: "app,migrate".
	AnnotationContainers = "dbtether.io/containers"
	// AnnotationPoolSize says how many connections each pod opens at most to a database.
	AnnotationPoolSize = "dbtether.io/pool-size"
	// AnnotationInjected says, on a pod, what was done; "none" where nothing could be.
	AnnotationInjected = "dbtether.io/injected"
	// AnnotationAllowUsersFrom lists, on a Database or a Namespace, the namespaces
	// whose DatabaseUsers may use the Databases: "team-b,team-c", or "*".
	AnnotationAllowUsersFrom = "dbtether.io/allow-users-from"
	// LabelInjectDefault names, on a namespace, the DatabaseUser of those pods that do not
	// say what they want.
	LabelInjectDefault = "dbtether.io/inject-default"
	// LabelInjection is "enabled" on a namespace whose pods may be injected.
	LabelInjection = "dbtether.io/injection"
	// LabelTeam on two namespaces with one value admits DatabaseUsers across them.
	LabelTeam = "dbtether.io/team"
)

// Annotations of a pod template, and so of its pods, about the time when a credential that
// they have in their environment is replaced.
const (
	// AnnotationOnRotate is OnRotateRestart where the workload is to be restarted by
	// whoever replaces the credential.
	AnnotationOnRotate = "dbtether.io/on-rotate"
	OnRotateRestart    = "restart"
	// AnnotationRestartedFor lists the revisions that the workload was restarted for:
	// "analytics-ro@1/0c94e1f2,orders-api@4/7d3a90b1", each with the beginning of the
	// user's UID. A change of it is the restart.
	AnnotationRestartedFor = "dbtether.io/restarted-for"
)

// AnnotationRotate asks, on a DatabaseUser, for a new password: its value is the
// time of the request (RFC 3339). A request is answered once.
const AnnotationRotate = "dbtether.io/rotate"

// ServiceFile is the key of a credential with a connection service file of libpq (manual,
// section "The Connection Service File"), in which the credential is the service
// ServiceName: who reads it at each connection, as libpq does, has what holds now.
const (
	ServiceFile = "pg_service.conf"
	ServiceName = "dbtether"
)

// Types of Secrets.
const (
	// SecretTypeCredential is the type of a DatabaseUser's Secret, after the
	// Service Binding specification for Kubernetes, section "Well-known Secret Entries".
	SecretTypeCredential = "servicebinding.io/postgresql"
	// SecretTypeRevision is the type of a revision.
	SecretTypeRevision = "dbtether.io/revision"
)
