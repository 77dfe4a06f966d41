# METADATA
# scope: package
# title: What users of other namespaces may do in a database
# description: >-
#   Who shares a database shares its data. A DatabaseUser of another namespace may have
#   readonly or readwrite; admin, and what belongs to admin alone, takes one non-empty
#   dbtether.io/team label on both namespaces.
# custom:
#   mode: deny
package dbtether.policies.resources.admin_privilege

import data.dbtether.policies.resources.cross_namespace

# METADATA
# title: Only the team of a database administers it
# description: >-
#   The DatabaseUser asks for admin, or for TRUNCATE, REFERENCES or TRIGGER on tables, in a
#   Database of another namespace, and the two namespaces are not of one team.
# custom:
#   code: ADMIN-NOT-SHARED
#   fix: ask for readonly or readwrite, or have both namespaces labelled with one dbtether.io/team
#   examples:
#     - denied: 'a DatabaseUser in namespace reports with admin in a Database of namespace shop'
#     - allowed: 'the same with readonly; or both namespaces labelled dbtether.io/team=orders'
deny contains {
	"code": "ADMIN-NOT-SHARED",
	"message": sprintf("user %q of namespace %q may not have %s in database %q of namespace %q (allowed: readonly, readwrite)", [
		input.role.name, input.role.namespace, privilege.name, input.database.name, input.role.databaseNamespace,
	]),
	"fix": sprintf("ask for readonly or readwrite, or ask the platform team to give the namespaces %q and %q one dbtether.io/team label", [
		input.role.namespace, input.role.databaseNamespace,
	]),
	"path": privilege.path,
} if {
	input.request.kind == "DatabaseUser"
	input.role.databaseNamespace != input.role.namespace
	not cross_namespace.same_team
	some privilege in excess
}

# Every privilege that is not one of those that may be shared.
excess contains {"name": input.role.privileges, "path": sprintf("%s.privileges", [input.role.path])} if {
	not input.role.privileges in {"readonly", "readwrite"}
}

excess contains {"name": sprintf("%s on tables", [privilege]), "path": "spec.additionalGrants"} if {
	some privilege in input.role.tablePrivileges
	not privilege in {"SELECT", "INSERT", "UPDATE", "DELETE"}
}
