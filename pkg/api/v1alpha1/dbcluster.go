package v1alpha1

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

// DatabaseNames returns the names of databases that the runner may adopt; none for nil.
func (a *Adoption) DatabaseNames() []string {
	if a == nil {
		return nil
	}
	return a.Databases
}

// RoleNames returns the names of roles that the runner may adopt; none for nil.
func (a *Adoption) RoleNames() []string {
	if a == nil {
		return nil
	}
	return a.Roles
}
