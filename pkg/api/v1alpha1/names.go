package v1alpha1

import "strings"

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

// LiveSecret returns the name of the Secret that a Secret named <name>.v<N> is a revision of,
// and any other name as it is. A Secret that has revisions is never named like a revision.
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

// identifier returns the name of a resource as a part of a name in PostgreSQL.
func identifier(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(name)
}
