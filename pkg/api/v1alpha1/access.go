package v1alpha1

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
