# METADATA
# scope: package
# title: Who may use a database of another namespace
# description: >-
#   A Database admits DatabaseUsers of other namespaces by the annotation
#   dbtether.io/allow-users-from on it or on its Namespace, or by one dbtether.io/team
#   label on both namespaces.
# custom:
#   mode: deny
package dbtether.policies.resources.cross_namespace

# METADATA
# title: The database is not shared with the namespace
# description: >-
#   The DatabaseUser refers to a Database of another namespace, which does not admit it.
#   A Database that does not exist admits nobody, and the answer is the same.
# custom:
#   code: DATABASE-NOT-SHARED
#   fix: ask the owner of its namespace to add yours to the annotation dbtether.io/allow-users-from
#   examples:
#     - denied: 'a DatabaseUser in namespace reports of Database orders in namespace shop'
#     - allowed: 'the same, where Database orders has dbtether.io/allow-users-from: reports'
deny contains {
	"code": "DATABASE-NOT-SHARED",
	"message": sprintf("user %q of namespace %q may not use database %q of namespace %q (allowed: %s)", [
		input.role.name, input.role.namespace, input.database.name, input.role.databaseNamespace, concat(", or ", alternatives),
	]),
	"fix": sprintf("ask the owner of namespace %q to add %q to the annotation dbtether.io/allow-users-from of the Database", [
		input.role.databaseNamespace, input.role.namespace,
	]),
	"path": sprintf("%s.namespace", [input.role.path]),
} if {
	input.request.kind == "DatabaseUser"
	not admitted
}

# Other policies object only where this holds: what they say would tell others that the
# Database exists, and on which cluster.
admitted if input.role.databaseNamespace == input.role.namespace

admitted if input.role.namespace in input.database.allowUsersFrom

admitted if "*" in input.database.allowUsersFrom

admitted if same_team

same_team if input.namespace.labels["dbtether.io/team"] == team

# An empty label is no team: two namespaces without one do not share.
team := name if {
	name := input.database.namespaceLabels["dbtether.io/team"]
	name != ""
}

# Which namespaces the annotation names is not said: that would tell that the Database exists.
alternatives := array.concat(
	[input.role.databaseNamespace],
	[label | label := sprintf("label dbtether.io/team=%s", [team])],
)
