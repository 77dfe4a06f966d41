package promises

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// awkward is what a connection string has to escape.
const awkward = ` p'a"s s@w/o%72d:?#&=+[\]{}$;ü,end `

// TestConnectionStringIsSprintf: a password or a database name with one of these
// characters made a connection string that led elsewhere, or nowhere.
func TestConnectionStringIsSprintf(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		super := s.asSuperuser(t, "postgres")
		must(t, super, "CREATE ROLE "+s.in("legacy")+" LOGIN PASSWORD "+literal(awkward))
		if s.server.Version >= 16 && !s.super {
			must(t, super, "GRANT "+s.in("legacy")+" TO "+s.server.Admin+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
		}
		s.secret(t, "legacy", map[string]string{"username": s.in("legacy"), "password": awkward})
		s.database(t, "orders", map[string]any{"databaseName": s.name + "_Or-ders"})
		s.user(t, "app", "orders", "readonly", map[string]any{"username": s.in("legacy"), "adopt": true,
			"secretTemplate": map[string]any{"name": "legacy", "onConflict": "Adopt", "format": "DATABASE"}})
		s.settle(t)
		credential := s.credential(t, s.name, "legacy")
		if credential["password"] != awkward {
			t.Fatalf("the password that was there is %q now", credential["password"])
		}
		for _, key := range []string{"uri", "DATABASE_URL"} {
			s.leads(t, credential[key], s.in("legacy"), s.name+"_Or-ders")
		}
		s.leads(t, fromJDBC(t, credential["jdbc-uri"]), s.in("legacy"), s.name+"_Or-ders")
		s.checkAwkwardNames(t, super)
	})
}

// checkAwkwardNames logs in to a database, as a role, whose names no resource could ask
// for and an adopted one might have.
func (s *site) checkAwkwardNames(t *testing.T, super *pgx.Conn) {
	t.Helper()
	database, role := s.name+awkward, s.name+"r"+awkward
	must(t, super, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize(), "CREATE ROLE "+pgx.Identifier{role}.Sanitize()+" LOGIN PASSWORD "+literal(awkward))
	keys, err := secret.Credential{Host: s.server.Host, Port: int32(s.server.Port), Database: database, Username: role,
		Password: secret.NewValue([]byte(awkward)), SSLMode: "require"}.Keys(v1alpha1.SecretTemplate{})
	if err != nil {
		t.Fatal(err)
	}
	s.leads(t, string(keys["uri"]), role, database)
	s.leads(t, fromJDBC(t, string(keys["jdbc-uri"])), role, database)
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// leads expects that a connection string logs a role in to a database.
func (s *site) leads(t *testing.T, uri, role, database string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), uri)
	if err != nil {
		t.Errorf("it does not lead to %s: %v", database, err)
		return
	}
	defer closeSession(conn)
	if got := lines(t, conn, "SELECT session_user || ' in ' || current_database()"); got[0] != role+" in "+database {
		t.Errorf("it leads to %q, want %s in %s", got, role, database)
	}
}

// fromJDBC reads a URL as the PostgreSQL JDBC driver does (org.postgresql.Driver,
// parseURL), which decodes as forms are, and returns the keywords that libpq has for it.
func fromJDBC(t *testing.T, text string) string {
	t.Helper()
	decode := func(s string) string {
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			t.Fatal(err)
		}
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(decoded) + "'"
	}
	rest, ok := strings.CutPrefix(text, "jdbc:postgresql://")
	address, query, _ := strings.Cut(rest, "?")
	address, database, found := strings.Cut(address, "/")
	host, port, hasPort := strings.Cut(address, ":")
	if _, err := strconv.Atoi(port); !ok || !found || !hasPort || err != nil || strings.Contains(database, "/") {
		t.Fatalf("it is none of JDBC: %d bytes", len(text))
	}
	keywords := []string{"host=" + decode(host), "port=" + port, "dbname=" + decode(database)}
	for _, argument := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(argument, "=")
		keywords = append(keywords, name+"="+decode(value))
	}
	return strings.Join(keywords, " ")
}
