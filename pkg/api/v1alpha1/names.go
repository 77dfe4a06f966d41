package v1alpha1

import (
	"strings"
	"time"
)

// Limits of names, in bytes. PostgreSQL cuts identifiers at NAMEDATALEN-1 = 63
// bytes without an error (manual, section "Identifiers and Key Words"); the
// groups of a database append six, alternating logins two.
const (
	MaxDatabaseName = 57
	MaxUsername     = 61
)

// AlternateSuffix is what the second of two alternating logins appends to the name
// of the first.
const AlternateSuffix = "_b"

// PostgresName returns the name of the database in PostgreSQL: spec.databaseName,
// the name that it was provisioned with, or the one that the cluster's naming derives.
// The cluster may be nil where it is not known; the default naming holds then.
func (d *Database) PostgresName(cluster *DBCluster) string {
	switch {
	case d.Spec.DatabaseName != "":
		return d.Spec.DatabaseName
	case d.Status.DatabaseName != "" && d.Status.ProvisionedTime != nil:
		return d.Status.DatabaseName
	default:
		return cluster.derive(d.Namespace, d.Name)
	}
}

// PostgresName returns the base name of the login in PostgreSQL: spec.username, or
// the one that the cluster's naming derives. Alternate rotation adds
// AlternateSuffix to it every other time.
func (u *DatabaseUser) PostgresName(cluster *DBCluster) string {
	switch {
	case u.Spec.Username != "":
		return u.Spec.Username
	case u.Status.BaseUsername != "":
		return u.Status.BaseUsername
	default:
		return cluster.derive(u.Namespace, u.Name)
	}
}

// CurrentUsername returns the login that the user's Secret names, as far as the
// status knows.
func (u *DatabaseUser) CurrentUsername() string {
	if u.Status.Username != "" {
		return u.Status.Username
	}
	return u.PostgresName(nil)
}

// derive returns the name that a resource has in PostgreSQL by the cluster's naming.
func (c *DBCluster) derive(namespace, name string) string {
	naming := "{name}"
	if c != nil && c.Spec.Naming != "" {
		naming = c.Spec.Naming
	}
	return strings.NewReplacer("{namespace}", identifier(namespace), "{name}", identifier(name)).Replace(naming)
}

// Access returns the databases that the user refers to, each with its namespace
// and its privileges filled in. The first one is the primary one.
func (u *DatabaseUser) Access() []DatabaseAccess {
	refs := u.Spec.DatabaseRefs
	if u.Spec.DatabaseRef != nil {
		refs = []DatabaseAccess{*u.Spec.DatabaseRef}
	}
	access := make([]DatabaseAccess, len(refs))
	for i, ref := range refs {
		if ref.Namespace == "" {
			ref.Namespace = u.Namespace
		}
		if ref.Privileges == "" {
			ref.Privileges = u.Spec.Privileges
		}
		if ref.Privileges == "" {
			ref.Privileges = ReadOnly
		}
		access[i] = ref
	}
	return access
}

// Refers reports whether the user refers to the Database.
func (u *DatabaseUser) Refers(namespace, name string) bool {
	for _, ref := range u.Access() {
		if ref.Name == name && ref.Namespace == namespace {
			return true
		}
	}
	return false
}

// SecretName returns the name of the Secret that receives the user's credential,
// with secretGeneration perDatabase the one of its first database.
func (u *DatabaseUser) SecretName() string {
	if u.PerDatabase() && len(u.Access()) > 0 {
		return u.SecretNameFor(u.Access()[0].Name)
	}
	if u.Spec.SecretTemplate.Name != "" {
		return u.Spec.SecretTemplate.Name
	}
	return u.Name + "-credentials"
}

// SecretNameFor returns the name of the Secret for one database, with
// secretGeneration perDatabase.
func (u *DatabaseUser) SecretNameFor(database string) string {
	return u.Name + "-" + database + "-credentials"
}

// LiveSecret returns the name of the Secret that one named <name>.v<N> is a revision of,
// and any other name as it is. The name of a Secret with revisions is never like that of
// one.
func LiveSecret(name string) string {
	i := strings.LastIndex(name, ".v")
	if i <= 0 {
		return name
	}
	number := name[i+len(".v"):]
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return name
	}
	return name[:i]
}

// PerDatabase reports whether each database has a Secret of its own.
func (u *DatabaseUser) PerDatabase() bool { return u.Spec.SecretGeneration == SecretPerDatabase }

// Strategy returns how the password is replaced. A role that was taken over keeps
// what it can do beside its databases, which a second login would not have: it has
// one login unless the spec says otherwise.
func (u *DatabaseUser) Strategy() RotationStrategy {
	if u.Spec.Rotation == nil && u.Spec.Adopt {
		return RotateInPlace
	}
	if u.Spec.Rotation != nil && u.Spec.Rotation.Strategy != "" {
		return u.Spec.Rotation.Strategy
	}
	return RotateAlternate
}

// maxRequest is how much of a request the status holds, in bytes.
const maxRequest = 64

// RotationRequest returns which new password the annotations ask for, empty for none. A
// request that is longer than the status can hold is cut.
func RotationRequest(annotations map[string]string) string {
	request := annotations[AnnotationRotate]
	return strings.ToValidUTF8(request[:min(len(request), maxRequest)], "")
}

// DefaultGracePeriod is how long the old login of an alternate rotation works.
const DefaultGracePeriod = 24 * time.Hour

// GracePeriod returns how long the old login of an alternate rotation works. What
// cannot be parsed counts as the default.
func (u *DatabaseUser) GracePeriod() time.Duration {
	if u.Spec.Rotation == nil || u.Spec.Rotation.GracePeriod == "" {
		return DefaultGracePeriod
	}
	period, err := time.ParseDuration(u.Spec.Rotation.GracePeriod)
	if err != nil {
		return DefaultGracePeriod
	}
	return period
}

// Parts returns the name of the extension, and its schema and version where they
// are given.
func (e Extension) Parts() (name, schema, version string) {
	words := strings.Fields(string(e))
	if len(words) == 0 {
		return "", "", ""
	}
	for i := 1; i+1 < len(words); i += 2 {
		switch words[i] {
		case "SCHEMA":
			schema = words[i+1]
		case "VERSION":
			version = words[i+1]
		}
	}
	return words[0], schema, version
}

// Parts returns the schema of the table, public where none is named, and its name.
func (n TableName) Parts() (schema, table string) {
	if schema, table, found := strings.Cut(string(n), "."); found {
		return schema, table
	}
	return "public", string(n)
}

// EffectiveSSLMode returns the cluster's sslMode with its default filled in:
// verify-full where a certificate authority is named, else require.
func (c *DBCluster) EffectiveSSLMode() string {
	switch {
	case c.Spec.SSLMode != "":
		return c.Spec.SSLMode
	case c.Spec.CASecretRef != nil:
		return "verify-full"
	default:
		return "require"
	}
}

// Reads reports whether the cluster takes a credential or a certificate from a Secret.
func (c *DBCluster) Reads(namespace, name string) bool {
	admin, ca := c.Spec.CredentialsSecretRef, c.Spec.CASecretRef
	return admin != nil && *admin == SecretReference{Namespace: namespace, Name: name} ||
		ca != nil && ca.Namespace == namespace && ca.Name == name
}

func identifier(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(name)
}

// DatabaseNames returns the names that the runner may adopt; none for nil.
func (a *Adoption) DatabaseNames() []string {
	if a == nil {
		return nil
	}
	return a.Databases
}

// RoleNames returns the names that the runner may adopt; none for nil.
func (a *Adoption) RoleNames() []string {
	if a == nil {
		return nil
	}
	return a.Roles
}
