package runner_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// attempt is one try of somebody who may write Databases and DatabaseUsers in her
// namespace, and nothing else, to reach what is not hers.
type attempt struct {
	// field is the one that it is about, as fieldsOf names it, or one of the metadata.
	field string
	// database or user is the spec of what is created; what it does not say is made up.
	database, user map[string]any
	metadata       map[string]any
	// refused is what the API server or the status says; empty: it is done, within what
	// is hers.
	refused string
}

// fieldsOf lists the fields of a type that hold a value, as paths: [] stands for the
// elements of a list, {} for the values of a map.
func fieldsOf(t reflect.Type, path string) []string {
	switch {
	case t.PkgPath() == "k8s.io/apimachinery/pkg/apis/meta/v1":
		return []string{path}
	case t.Kind() == reflect.Pointer:
		return fieldsOf(t.Elem(), path)
	case t.Kind() == reflect.Slice:
		return fieldsOf(t.Elem(), path+"[]")
	case t.Kind() == reflect.Map:
		return fieldsOf(t.Elem(), path+"{}")
	case t.Kind() != reflect.Struct:
		return []string{path}
	}
	var all []string
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all = append(all, fieldsOf(field.Type, path+"."+name)...)
	}
	return all
}

// theirs are names of what is not hers.
type theirs struct {
	namespace, database, databaseName, user, username, cluster string
	// own is the one cluster that she may use, and ownDatabase her own Database.
	own, ownDatabase string
	// legacy is a database and a role that nobody manages.
	legacy, adminSecret string
}

// attempts are the tries, one at least for each field.
func attempts(x theirs) []attempt {
	type m = map[string]any
	type l = []any
	const notOurs = "exists and was not created by dbtether"
	const belongsPostgres = "belongs to PostgreSQL"
	belongsDatabase := "belongs to Database " + x.namespace + "/" + x.database
	belongsUser := "belongs to DatabaseUser " + x.namespace + "/" + x.user
	db := func(field, refused string, spec m) attempt {
		return attempt{field: "Database.spec." + field, database: spec, refused: refused}
	}
	user := func(field, refused string, spec m) attempt {
		return attempt{field: "DatabaseUser.spec." + field, user: spec, refused: refused}
	}
	return []attempt{
		db("clusterRef.name", "CLUSTER-NOT-ALLOWED", m{"clusterRef": m{"name": x.cluster}}),
		db("databaseName", belongsDatabase, m{"databaseName": x.databaseName}),
		db("databaseName", notOurs, m{"databaseName": x.legacy}),
		db("databaseName", belongsPostgres, m{"databaseName": "postgres"}),
		db("databaseName", "should match", m{"databaseName": `x"; DROP DATABASE y; --`}),
		db("owner", "", m{"owner": x.user}), // which is looked for in her own namespace
		db("owner", "should match", m{"owner": x.namespace + "/" + x.user}),
		db("template", "is not marked as a template", m{"template": x.databaseName}),
		db("template", "is not marked as a template", m{"template": x.legacy}),
		db("encoding", "should match", m{"encoding": "UTF8' OWNER '" + x.username}),
		db("lcCollate", "should match", m{"lcCollate": "C' TEMPLATE '" + x.databaseName}),
		db("lcCtype", "should match", m{"lcCtype": "C' TEMPLATE '" + x.databaseName}),
		db("localeProvider", "Unsupported value", m{"localeProvider": "libc TEMPLATE " + x.databaseName}),
		db("icuLocale", "should match", m{"localeProvider": "icu", "icuLocale": "en' TEMPLATE '" + x.databaseName}),
		db("builtinLocale", "Unsupported value", m{"localeProvider": "builtin", "builtinLocale": "C' TEMPLATE '" + x.databaseName}),
		db("schemas[]", belongsPostgres, m{"schemas": l{"pg_catalog"}}),
		db("schemas[]", "should match", m{"schemas": l{`x" AUTHORIZATION "` + x.username}}),
		db("extensions[]", "is not a trusted extension", m{"extensions": l{"dblink"}}),
		db("extensions[]", "is not a trusted extension", m{"extensions": l{"file_fdw"}}),
		db("extensions[]", belongsPostgres, m{"extensions": l{"hstore SCHEMA pg_catalog"}}),
		db("extensions[]", "should match", m{"extensions": l{"hstore CASCADE; ALTER ROLE x SUPERUSER"}}),
		db("parameters{}", "session_preload_libraries", m{"parameters": m{"session_preload_libraries": "auto_explain"}}),
		db("parameters{}", "log_statement", m{"parameters": m{"log_statement": "none"}}),
		db("parameters{}", "role and session_authorization are not among them", m{"parameters": m{"role": x.username}}),
		db("parameters{}", "", m{"parameters": m{"work_mem": "4MB"}}),
		db("revokePublicConnect", "", m{"revokePublicConnect": false}), // of her own
		db("connectionLimit", "", m{"connectionLimit": int64(1000000)}),
		db("deletionPolicy", belongsDatabase, m{"databaseName": x.databaseName, "deletionPolicy": "Delete"}),
		db("forceDrop", belongsDatabase, m{"databaseName": x.databaseName, "deletionPolicy": "Delete", "forceDrop": true}),
		db("forceDrop", notOurs, m{"databaseName": x.legacy, "deletionPolicy": "Delete", "forceDrop": true}),
		db("deletionProtection", belongsDatabase, m{"databaseName": x.databaseName, "deletionProtection": true}),
		db("adopt", notOurs, m{"databaseName": x.legacy, "adopt": true, "deletionPolicy": "Delete"}),
		db("adopt", belongsDatabase, m{"databaseName": x.databaseName, "adopt": true, "deletionPolicy": "Delete"}),

		user("databaseRef.name", "does not exist in namespace", m{"databaseRef": m{"name": x.database}}),
		user("databaseRef.namespace", "DATABASE-NOT-SHARED", m{"databaseRef": m{"name": x.database, "namespace": x.namespace}}),
		user("databaseRef.privileges", "DATABASE-NOT-SHARED", m{"databaseRef": m{"name": x.database, "namespace": x.namespace, "privileges": "readonly"}}),
		user("databaseRefs[].name", "does not exist in namespace", m{"databaseRefs": l{m{"name": x.ownDatabase}, m{"name": x.database}}}),
		user("databaseRefs[].namespace", "DATABASE-NOT-SHARED", m{"databaseRefs": l{m{"name": x.ownDatabase}, m{"name": x.database, "namespace": x.namespace}}}),
		user("databaseRefs[].privileges", "ADMIN-NOT-SHARED", m{"databaseRefs": l{m{"name": x.ownDatabase}, m{"name": x.database, "namespace": x.namespace, "privileges": "admin"}}}),
		user("username", belongsUser, m{"username": x.username}),
		user("username", notOurs, m{"username": x.legacy}),
		user("username", "", m{"username": "her_" + x.username}),
		user("username", x.databaseName+"_owner", m{"username": x.databaseName + "_owner"}),
		user("username", belongsPostgres, m{"username": "postgres"}),
		user("username", belongsPostgres, m{"username": "pg_read_all_data"}),
		user("privileges", "DATABASE-NOT-SHARED", m{"databaseRef": m{"name": x.database, "namespace": x.namespace}, "privileges": "admin"}),
		user("privileges", "Unsupported value", m{"privileges": "superuser"}),
		user("additionalGrants[].database", "additionalGrants names a Database that the user does not refer to", m{"additionalGrants": l{m{"database": x.database, "tables": l{"t"}, "privileges": l{"SELECT"}}}}),
		user("additionalGrants[].tables[]", `table "pg_authid" of schema "pg_catalog" belongs to PostgreSQL itself`, m{"additionalGrants": l{m{"tables": l{"pg_catalog.pg_authid"}, "privileges": l{"SELECT"}}}}),
		user("additionalGrants[].tables[]", "should match", m{"additionalGrants": l{m{"tables": l{`t" TO x; --`}, "privileges": l{"SELECT"}}}}),
		user("additionalGrants[].privileges[]", "Unsupported value", m{"additionalGrants": l{m{"tables": l{"t"}, "privileges": l{"SELECT ON ALL TABLES"}}}}),
		user("connectionLimit", "", m{"connectionLimit": int64(1000000)}),
		user("settings{}", "log_statement", m{"settings": m{"log_statement": "none"}}),
		user("settings{}", "session_preload_libraries", m{"settings": m{"session_preload_libraries": "auto_explain"}}),
		user("settings{}", "role and session_authorization are not among them", m{"settings": m{"role": x.username}}),
		user("password.length", "should be greater than or equal to 12", m{"password": m{"length": int64(1)}}),
		user("rotation.days", belongsUser, m{"username": x.username, "rotation": m{"days": int64(1)}}),
		user("rotation.strategy", belongsUser, m{"username": x.username, "rotation": m{"strategy": "InPlace"}}),
		user("rotation.gracePeriod", belongsUser, m{"username": x.username, "rotation": m{"gracePeriod": "0s"}}),
		user("expiresAt", belongsUser, m{"username": x.username, "expiresAt": "2020-01-01T00:00:00Z"}),
		user("serviceAccounts[]", "DATABASE-NOT-SHARED", m{"databaseRef": m{"name": x.database, "namespace": x.namespace}, "serviceAccounts": l{"default"}}),
		user("adopt", notOurs, m{"username": x.legacy, "adopt": true}),
		user("adopt", belongsUser, m{"username": x.username, "adopt": true}),
		user("adopt", "postgres", m{"username": "postgres", "adopt": true}),
		user("secretTemplate.name", "exists and is not managed by this resource", m{"secretTemplate": m{"name": "payments"}}),
		user("secretTemplate.name", "is that of a revision of another Secret", m{"secretTemplate": m{"name": "payments.v1"}}),
		user("secretTemplate.name", "is not managed by this resource", m{"secretTemplate": m{"name": "hers-credentials", "onConflict": "Adopt"}}), // another user's
		user("secretTemplate.onConflict", "takes none over", m{"secretTemplate": m{"name": "payments", "onConflict": "Adopt"}}),
		user("secretTemplate.onConflict", "takes none over", m{"secretTemplate": m{"name": "payments", "onConflict": "Merge"}}),
		user("secretTemplate.onConflict", "which reads it", m{"secretTemplate": m{"name": x.adminSecret, "onConflict": "Merge"}}),
		user("secretTemplate.format", "Unsupported value", m{"secretTemplate": m{"format": "ADMIN"}}),
		user("secretTemplate.keys{}", "keys maps host", m{"secretTemplate": m{"format": "custom", "keys": m{"password": "../token"}}}),
		user("secretGeneration", "takes none over", m{"secretGeneration": "perDatabase", "secretTemplate": m{"onConflict": "Adopt"}}),
		user("deletionPolicy", belongsUser, m{"username": x.username, "deletionPolicy": "Delete"}),
		user("deletionPolicy", notOurs, m{"username": x.legacy, "deletionPolicy": "Delete", "adopt": true}),

		{field: "annotations", user: m{"username": x.username}, metadata: m{"annotations": m{v1alpha1.AnnotationRotate: "2026-01-02T03:04:05Z"}}, refused: belongsUser},
		{field: "annotations", user: m{"databaseRef": m{"name": x.database, "namespace": x.namespace}},
			metadata: m{"annotations": m{v1alpha1.AnnotationAllowUsersFrom: "*"}}, refused: "DATABASE-NOT-SHARED"},
		{field: "annotations", database: m{}, metadata: m{"annotations": m{v1alpha1.AnnotationOwner: "x", v1alpha1.AnnotationAllowUsersFrom: "*"}}},
		{field: "labels", user: m{"databaseRef": m{"name": x.database, "namespace": x.namespace}},
			metadata: m{"labels": m{v1alpha1.LabelTeam: x.namespace}}, refused: "DATABASE-NOT-SHARED"},
		{field: "finalizers", database: m{"databaseName": x.databaseName}, metadata: m{"finalizers": l{v1alpha1.Finalizer}}, refused: belongsDatabase},
		{field: "finalizers", user: m{"username": x.username}, metadata: m{"finalizers": l{v1alpha1.Finalizer}}, refused: belongsUser},
		{field: "ownerReferences", user: m{"username": x.username}, refused: belongsUser, metadata: m{"ownerReferences": l{m{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDatabase, "name": x.database, "uid": "00000000-0000-0000-0000-000000000000", "blockOwnerDeletion": false}}}},
	}
}

// TestEveryFieldIsTried fails when a field is added that no attempt is about, or an
// attempt is about none.
func TestEveryFieldIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, a := range attempts(theirs{}) {
		if strings.Contains(a.field, ".") {
			tried[a.field] = true
		}
	}
	fields := append(fieldsOf(reflect.TypeFor[v1alpha1.DatabaseSpec](), "Database.spec"), fieldsOf(reflect.TypeFor[v1alpha1.DatabaseUserSpec](), "DatabaseUser.spec")...)
	for _, field := range fields {
		if !tried[field] {
			t.Errorf("nobody tries %s: add what somebody might reach with it to attempts", field)
		}
		delete(tried, field)
	}
	for _, field := range slices.Sorted(maps.Keys(tried)) {
		t.Errorf("%s is tried, and there is no such field", field)
	}
	if len(fields) < 40 {
		t.Errorf("there are only %d fields: %v", len(fields), fields)
	}
}

// named returns the attempts with the names of their resources.
func (a attempt) named(i int, id string) (kind, name string) {
	if a.database != nil {
		return v1alpha1.KindDatabase, fmt.Sprintf("try%d-%s", i, id)
	}
	return v1alpha1.KindDatabaseUser, fmt.Sprintf("try%d-%s", i, id)
}
