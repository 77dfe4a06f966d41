package crash_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// state describes everything that a run left on both servers, with its names,
// UIDs, port and password replaced: two runs that led to the same have the same
// state.
func (s *site) state(t *testing.T) string {
	t.Helper()
	objects := append(s.list(t, v1alpha1.Databases), s.list(t, v1alpha1.DatabaseUsers)...)
	secrets := s.secrets(t)
	replace := []string{s.name, "SITE", strconv.Itoa(s.postgres.Port), "PORT"}
	for _, o := range objects {
		replace = append(replace, string(o.GetUID()), "UID-of-"+o.GetKind())
	}
	var passwords []string
	for i := range secrets {
		replace = append(replace, string(secrets[i].UID), "UID-of-"+strings.ReplaceAll(secrets[i].Name, s.name, "SITE"))
		password := string(secrets[i].Data["password"])
		if password != "" && !slices.Contains(passwords, password) { // two passwords must not look like one
			passwords = append(passwords, password)
			replace = append(replace, password, fmt.Sprintf("PASSWORD-%d", len(passwords)))
		}
	}
	var text strings.Builder
	for i := range secrets {
		plain := map[string]string{}
		for key, value := range secrets[i].Data {
			plain[key] = string(value)
		}
		secrets[i].Data, secrets[i].StringData = nil, plain
		objects = append(objects, toUnstructured(t, &secrets[i]))
	}
	for _, o := range objects {
		text.WriteString(describe(t, o))
	}
	s.asSuperuser(t, "postgres", func(conn *pgx.Conn) { text.WriteString(s.query(t, conn, serverState)) })
	for _, database := range s.databases(t) {
		fmt.Fprintf(&text, "in database %s:\n", database)
		s.asSuperuser(t, database, func(conn *pgx.Conn) { text.WriteString(s.query(t, conn, contentState)) })
	}
	described := strings.NewReplacer(replace...).Replace(text.String())
	for what, pattern := range map[string]*regexp.Regexp{"TIME": moment, "fingerprint: SOME": fingerprint, "UID-of-GONE": uid} {
		described = pattern.ReplaceAllString(described, what)
	}
	return described
}

// moment is a time as the API has it, fingerprint a digest of UIDs, and uid that of an
// object which does not exist any more.
var (
	uid         = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	moment      = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z`)
	fingerprint = regexp.MustCompile(`fingerprint: "?[0-9a-f]{32}"?`)
)

// databases lists the site's databases on the server.
func (s *site) databases(t *testing.T) []string {
	t.Helper()
	return s.names(t, "SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1", s.name)
}

// names returns what a query of the superuser answers in its one column.
func (s *site) names(t *testing.T, query string, args ...any) []string {
	t.Helper()
	var names []string
	s.asSuperuser(t, "postgres", func(conn *pgx.Conn) {
		rows, err := conn.Query(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
	})
	return names
}

func (s *site) query(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, pgx.NamedArgs{"site": s.name})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(append(lines, ""), "\n")
}

// describe returns an object without what differs from run to run: times, versions
// and who wrote which field.
func describe(t *testing.T, object unstructured.Unstructured) string {
	t.Helper()
	for _, path := range [][]string{{"metadata", "creationTimestamp"}, {"metadata", "deletionTimestamp"}, {"metadata", "resourceVersion"}, {"metadata", "managedFields"}, {"metadata", "uid"}} {
		unstructured.RemoveNestedField(object.Object, path...)
	}
	conditions, found, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		t.Fatal(err)
	}
	if found {
		for _, c := range conditions {
			delete(c.(map[string]any), "lastTransitionTime")
		}
		if err := unstructured.SetNestedSlice(object.Object, conditions, "status", "conditions"); err != nil {
			t.Fatal(err)
		}
	}
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	return "---\n" + string(text)
}

func toUnstructured(t *testing.T, object metav1.Object) unstructured.Unstructured {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var u unstructured.Unstructured
	if err := yaml.Unmarshal(text, &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// serverState describes roles and databases of a site.
const serverState = `
SELECT format('role %s super=%s inherit=%s createrole=%s createdb=%s login=%s limit=%s password=%s comment=%s', rolname, rolsuper,
	rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolpassword IS NOT NULL, shobj_description(oid, 'pg_authid'))
FROM pg_authid WHERE starts_with(rolname, @site)
UNION ALL
SELECT format('member %s of %s by %s: %s', m.member::regrole, m.roleid::regrole, m.grantor::regrole,
	to_jsonb(m) - '{oid,roleid,member,grantor}'::text[])
FROM pg_auth_members m
WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid IN (m.roleid, m.member) AND starts_with(r.rolname, @site))
UNION ALL
SELECT format('setting of %s in %s: %s', s.setrole::regrole, d.datname, s.setconfig)
FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE starts_with(d.datname, @site) OR starts_with(r.rolname, @site)
UNION ALL
SELECT format('database %s owner=%s open=%s limit=%s encoding=%s comment=%s', datname, datdba::regrole, datallowconn, datconnlimit,
	pg_encoding_to_char(encoding), shobj_description(oid, 'pg_database'))
FROM pg_database WHERE starts_with(datname, @site)
UNION ALL
SELECT format('database %s: %s has %s', datname, a.grantee::regrole, a.privilege_type)
FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE starts_with(datname, @site)`

// contentState describes what is in a database.
const contentState = `
WITH ours AS (SELECT * FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
relations AS (SELECT c.* FROM pg_class c JOIN ours n ON n.oid = c.relnamespace)
SELECT format('schema %s owner=%s', nspname, nspowner::regrole) FROM ours WHERE @site <> ''
UNION ALL
SELECT format('schema %s: %s has %s', nspname, a.grantee::regrole, a.privilege_type)
FROM ours, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
UNION ALL
SELECT format('default of %s for %s: %s has %s', d.defaclrole::regrole, d.defaclobjtype, a.grantee::regrole, a.privilege_type)
FROM pg_default_acl d, aclexplode(d.defaclacl) a
UNION ALL
SELECT format('extension %s schema=%s owner=%s', extname, extnamespace::regnamespace, extowner::regrole) FROM pg_extension
UNION ALL
SELECT format('relation %s owner=%s', oid::regclass, relowner::regrole) FROM relations
UNION ALL
SELECT format('relation %s: %s has %s', r.oid::regclass, a.grantee::regrole, a.privilege_type)
FROM relations r, aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) a`
