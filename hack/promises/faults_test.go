package promises

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// onSites runs a test on the oldest and the newest version, as both kinds of
// administrator.
func onSites(t *testing.T, test func(t *testing.T, s *site)) {
	e := newEnvironment(t)
	for _, version := range []int{versions[0], versions[len(versions)-1]} {
		for kind, super := range kinds {
			t.Run(fmt.Sprintf("%d/%s", version, kind), func(t *testing.T) {
				t.Parallel()
				test(t, newSite(t, e, version, super))
			})
		}
	}
}

// escalation is what made a role a superuser when it stood where a privilege should.
func (s *site) escalation() string {
	return "SELECT ON pg_class TO PUBLIC; ALTER ROLE " + s.in("app") + " SUPERUSER; --"
}

// TestPrivilegesOfAdditionalGrantsAreSQL: what additionalGrants named as a privilege was
// put into a statement as it stood.
func TestPrivilegesOfAdditionalGrantsAreSQL(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		s.database(t, "orders", map[string]any{"parameters": map[string]any{"application_name": "'; " + s.escalation()}})
		s.user(t, "app", "orders", "readonly", map[string]any{"settings": map[string]any{"application_name": "'; " + s.escalation()}})
		s.settle(t)
		grant := func(table, privilege string) map[string]any {
			return map[string]any{"additionalGrants": []any{map[string]any{"tables": []any{table}, "privileges": []any{privilege}}}}
		}
		for what, fields := range map[string]map[string]any{
			"privilege": grant("t", s.escalation()), "table": grant("t TO PUBLIC; "+s.escalation(), "SELECT"), "quoted table": grant(`t"; `+s.escalation(), "SELECT"),
			"login": {"username": `x"; ` + s.escalation()}, "setting": {"settings": map[string]any{"work_mem = 1; " + s.escalation(): "1"}},
		} {
			spec := map[string]any{"databaseRef": map[string]any{"name": s.of("orders")}}
			for field, value := range fields {
				spec[field] = value
			}
			if err := s.tryCreate(t, v1alpha1.KindDatabaseUser, s.name, s.of("hostile"), spec); !apierrors.IsInvalid(err) {
				t.Errorf("%s: the API server says %v", what, err)
			}
		}
		s.planWithoutSchema(t)
		if now := s.ask(t, "postgres", "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls)", s.name); len(now) > 0 {
			t.Errorf("these have attributes now: %q", now)
		}
		if name := lines(t, s.login(t, "app"), "SHOW application_name"); len(name[0]) != 63 || !strings.HasPrefix("'; "+s.escalation(), name[0]) { // PostgreSQL cuts it there
			t.Errorf("a setting's value came out as %q", name)
		}
	})
}

// planWithoutSchema plans for a resource that the API server would not have taken.
func (s *site) planWithoutSchema(t *testing.T) {
	t.Helper()
	var user v1alpha1.DatabaseUser
	s.get(t, v1alpha1.KindDatabaseUser, "app", &user)
	user.Spec.AdditionalGrants = []v1alpha1.TableGrant{{Tables: []v1alpha1.TableName{"t"}, Privileges: []v1alpha1.TablePrivilege{v1alpha1.TablePrivilege(s.escalation())}}}
	job, err := s.Open(t.Context(), provision.Request{Users: []*v1alpha1.DatabaseUser{&user}}, true)
	if err == nil {
		job.Close()
		t.Fatalf("a plan was made:\n%s", job.Plan.SQL("postgres"))
	}
	var refused *postgres.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "is none of SELECT") {
		t.Errorf("got %v", err)
	}
}

// TestGenerationModeMakesAPasswordEachTime: with one Secret for each database the
// operator did not find the password that was there.
func TestGenerationModeMakesAPasswordEachTime(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		s.database(t, "orders", nil)
		s.database(t, "invoices", nil)
		s.create(t, v1alpha1.KindDatabaseUser, s.name, s.of("app"), map[string]any{"secretGeneration": "perDatabase",
			"databaseRefs": []any{map[string]any{"name": s.of("orders")}, map[string]any{"name": s.of("invoices")}}})
		s.settle(t)
		before := s.secretsOf(t) + s.verifier(t, "app")
		for i := range 5 {
			for _, quick := range []bool{false, true} {
				bulk := provision.Bulk{Quick: quick, Done: func(r provision.Result) {
					if r.Action != provision.ActionUnchanged {
						t.Errorf("run %d: %+v", i, r)
					}
				}}
				if err := s.Reconcile(t.Context(), s.name, bulk); err != nil {
					t.Fatal(err)
				}
			}
		}
		if after := s.secretsOf(t) + s.verifier(t, "app"); after != before {
			t.Error("the Secrets, or the password, are others now")
		}
		for _, database := range []string{"orders", "invoices"} {
			credential := s.credential(t, s.name, s.of("app")+"-"+s.of(database)+"-credentials")
			conn, err := pgx.Connect(t.Context(), credential["uri"])
			if err != nil {
				t.Fatal(err)
			}
			if name := lines(t, conn, "SELECT current_database()"); name[0] != s.in(database) {
				t.Errorf("the Secret of %s leads to %s", database, name)
			}
			closeSession(conn)
		}
	})
}

// secretsOf describes all Secrets of the site's namespace, content included.
func (s *site) secretsOf(t *testing.T) string {
	t.Helper()
	list, err := s.core.Secrets(s.name).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, one := range list.Items {
		fmt.Fprintln(&text, one.Name, one.ResourceVersion, one.Data)
	}
	return text.String()
}

// verifier returns what the server keeps of a role's password.
func (s *site) verifier(t *testing.T, role string) string {
	t.Helper()
	found := s.ask(t, "postgres", "SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = $1", s.in(role))
	if len(found) != 1 {
		t.Fatalf("there are %d roles %s", len(found), s.in(role))
	}
	return found[0]
}

// TestExistingRoleIsGivenAPassword: a role of the name that a resource asked for got
// another password, and whoever could write the resource could read it.
func TestExistingRoleIsGivenAPassword(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		super := s.asSuperuser(t, "postgres")
		must(t, super, "CREATE ROLE "+s.in("theirs")+" LOGIN PASSWORD 'known to them'")
		if s.server.Version >= 16 {
			must(t, super, "GRANT "+s.in("theirs")+" TO "+s.server.Admin+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
		}
		before := s.verifier(t, "theirs")
		s.database(t, "orders", nil)
		s.user(t, "app", "orders", "admin", map[string]any{"username": s.in("theirs")})
		s.user(t, "adopting", "orders", "admin", map[string]any{"username": s.in("theirs"), "adopt": true})
		s.Runner = true
		results := s.reconcile(t)
		for _, name := range []string{"app", "adopting"} {
			if r := results[name]; r.Action != provision.ActionFailed || !strings.Contains(r.Error, "exists and was not created by dbtether") {
				t.Errorf("%+v", r)
			}
			var user v1alpha1.DatabaseUser
			if object := s.get(t, v1alpha1.KindDatabaseUser, name, &user); user.Status.Phase != v1alpha1.PhaseFailed || !isTrue(object, v1alpha1.ConditionConflict) {
				t.Errorf("the status is %+v", user.Status)
			}
		}
		if s.verifier(t, "theirs") != before {
			t.Error("the role has another password")
		}
		if _, err := s.connect(t, s.in("theirs"), "known to them", "postgres"); err != nil {
			t.Error(err)
		}
		if groups := lines(t, super, "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = to_regrole($1)", s.in("theirs")); len(groups) > 0 {
			t.Errorf("the role is a member of %q", groups)
		}
		if secrets := s.secretsOf(t); strings.Count(secrets, "\n") != 1 {
			t.Error("there are Secrets beside the administrator's")
		}
	})
}

// TestPublicKeepsConnect: CONNECT was revoked from roles that had it through PUBLIC.
func TestPublicKeepsConnect(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		super := s.asSuperuser(t, "postgres")
		must(t, super, "CREATE ROLE "+s.in("stranger")+" LOGIN PASSWORD 'stranger'")
		s.database(t, "orders", nil)
		s.database(t, "invoices", nil)
		s.user(t, "app", "orders", "admin", nil)
		s.user(t, "other", "invoices", "admin", nil)
		s.settle(t)
		refused := func() {
			t.Helper()
			for role, password := range map[string]string{"stranger": "stranger", "other": s.password(t, "other")} {
				_, err := s.connect(t, s.in(role), password, s.in("orders"))
				var said *pgconn.PgError
				if !errors.As(err, &said) || said.Code != "42501" {
					t.Errorf("%s connects: got %v, want permission denied", role, err)
				}
			}
		}
		refused()
		must(t, super, "GRANT CONNECT ON DATABASE "+s.in("orders")+" TO PUBLIC")
		s.settle(t)
		refused()
		if who := lines(t, s.login(t, "app"), "SELECT current_user"); who[0] != s.in("orders")+"_owner" {
			t.Errorf("its own user acts as %s", who)
		}
	})
}

// TestDefaultPrivilegesAreOfAnotherRole: they were set for the administrator, who
// creates no tables, so that readonly users never saw what the applications created.
func TestDefaultPrivilegesAreOfAnotherRole(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		s.database(t, "orders", map[string]any{"schemas": []any{"app"}})
		s.user(t, "reports", "orders", "readonly", nil)
		for _, maker := range []string{"app", "migrations"} {
			s.user(t, maker, "orders", "admin", nil)
		}
		s.settle(t)
		reports := s.login(t, "reports")
		for _, maker := range []string{"app", "migrations"} {
			conn := s.login(t, maker)
			must(t, conn, "CREATE SCHEMA of_"+maker)
			for _, schema := range []string{"public", "app", "of_" + maker} {
				must(t, conn, fmt.Sprintf("CREATE TABLE %s.by_%s AS SELECT 'seen' AS what", schema, maker))
				if rows := lines(t, reports, fmt.Sprintf("SELECT what FROM %s.by_%s", schema, maker)); len(rows) != 1 {
					t.Errorf("readonly sees %q", rows)
				}
			}
		}
	})
}
