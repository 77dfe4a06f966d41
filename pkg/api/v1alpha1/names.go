package v1alpha1

import "strings"

// Limits of names, in bytes. PostgreSQL cuts identifiers at NAMEDATALEN-1 = 63
// bytes without an error (manual, section "Identifiers and Key Words"); the
// groups of a database append six, alternating logins two.
const (
	MaxDatabaseName = 57
	MaxUsername     = 61
)

// PostgresName returns the name of the database in PostgreSQL: spec.databaseName,
// or the resource's name with - and . turned into _.
func (d *Database) PostgresName() string {
	if d.Spec.DatabaseName != "" {
		return d.Spec.DatabaseName
	}
	return identifier(d.Name)
}

// PostgresName returns the name of the login in PostgreSQL: spec.username, or the
// resource's name with - and . turned into _.
func (u *DatabaseUser) PostgresName() string {
	if u.Spec.Username != "" {
		return u.Spec.Username
	}
	return identifier(u.Name)
}

// SecretName returns the name of the Secret that receives the user's credential.
func (u *DatabaseUser) SecretName() string {
	if u.Spec.SecretTemplate.Name != "" {
		return u.Spec.SecretTemplate.Name
	}
	return u.Name + "-credentials"
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

func identifier(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(name)
}
