package secret_test

import (
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

var update = flag.Bool("update", false, "write the golden files anew")

func credential() secret.Credential {
	return secret.Credential{Host: "db.example.com", Port: 5432, Database: "orders", Username: "orders_api",
		Password: secret.NewValue([]byte("Passw0rd1234")), SSLMode: "verify-full"}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		golden   string
		template v1alpha1.SecretTemplate
	}{
		{"none", v1alpha1.SecretTemplate{}},
		{"raw", v1alpha1.SecretTemplate{Format: v1alpha1.FormatRaw}},
		{"DB", v1alpha1.SecretTemplate{Format: v1alpha1.FormatDB}},
		{"DATABASE", v1alpha1.SecretTemplate{Format: v1alpha1.FormatDatabase}},
		{"POSTGRES", v1alpha1.SecretTemplate{Format: v1alpha1.FormatPostgres}},
		{"PG", v1alpha1.SecretTemplate{Format: v1alpha1.FormatPG}},
		{"custom", v1alpha1.SecretTemplate{Format: v1alpha1.FormatCustom, Keys: map[string]v1alpha1.SecretKey{
			"host": "H", "port": "P", "database": "D", "username": "U", "user": "LOGIN", "password": "pass.word", "uri": "URL", "jdbc-uri": "JDBC_URL", "sslmode": "S"}}},
		{"custom_same", v1alpha1.SecretTemplate{Format: v1alpha1.FormatCustom, Keys: map[string]v1alpha1.SecretKey{"host": "host", "user": "username", "username": "user"}}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			data, err := credential().Keys(c.template)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, key := range slices.Sorted(maps.Keys(data)) {
				fmt.Fprintf(&text, "%s=%s\n", key, data[key])
			}
			compareGolden(t, filepath.Join("testdata", "keys", c.golden+".golden"), text.String())
		})
	}
}

// TestKeysOfSeveralDatabases checks who is told about the other databases: readers of
// the format raw, and only where there are others.
func TestKeysOfSeveralDatabases(t *testing.T) {
	several := []string{"orders", "reports", "Audit-2"}
	for _, c := range []struct {
		name      string
		databases []string
		template  v1alpha1.SecretTemplate
		want      string
	}{
		{"several, raw", several, v1alpha1.SecretTemplate{Format: v1alpha1.FormatRaw}, "orders,reports,Audit-2"},
		{"several, no format", several, v1alpha1.SecretTemplate{}, "orders,reports,Audit-2"},
		{"several, another format", several, v1alpha1.SecretTemplate{Format: v1alpha1.FormatPG}, ""},
		{"several, custom", several, v1alpha1.SecretTemplate{Format: v1alpha1.FormatCustom, Keys: map[string]v1alpha1.SecretKey{"host": "H"}}, ""},
		{"one", several[:1], v1alpha1.SecretTemplate{Format: v1alpha1.FormatRaw}, ""},
		{"none", nil, v1alpha1.SecretTemplate{Format: v1alpha1.FormatRaw}, ""},
	} {
		credential := credential()
		credential.Databases = c.databases
		data, err := credential.Keys(c.template)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := data["databases"]; string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.name, got, ok, c.want)
		}
		if string(data["database"]) != "orders" {
			t.Errorf("%s: database is %q", c.name, data["database"])
		}
	}
	credential := credential()
	credential.Databases = several
	_, err := credential.Keys(v1alpha1.SecretTemplate{Keys: map[string]v1alpha1.SecretKey{"host": "databases"}})
	if want := `render secret keys: key "databases" is asked for with field "host", but it already carries "databases"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, see with: go test -update && git diff\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestKeysRefuse checks the errors, many times over: they must not depend on the
// order of a map.
func TestKeysRefuse(t *testing.T) {
	for _, c := range []struct {
		name string
		keys map[string]v1alpha1.SecretKey
		want string
	}{
		{"unknown field", map[string]v1alpha1.SecretKey{"hostname": "H"}, `render secret keys: "hostname" is not a field of a credential`},
		{"no field", map[string]v1alpha1.SecretKey{"": "H"}, `render secret keys: "" is not a field of a credential`},
		{"a fixed key", map[string]v1alpha1.SecretKey{"password": "host"}, `render secret keys: key "host" is asked for with field "password", but it already carries "host"`},
		{"the type", map[string]v1alpha1.SecretKey{"password": "type"}, `render secret keys: key "type" is asked for with field "password", but it already carries "type"`},
		{"the provider", map[string]v1alpha1.SecretKey{"host": "provider"}, `render secret keys: key "provider" is asked for with field "host", but it already carries "provider"`},
		{"two fields for a key", map[string]v1alpha1.SecretKey{"password": "X", "host": "X", "port": "Y", "uri": "Y"}, `render secret keys: key "X" is asked for with field "password", but it already carries "host"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 30 {
				data, err := credential().Keys(v1alpha1.SecretTemplate{Format: v1alpha1.FormatCustom, Keys: c.keys})
				if err == nil || err.Error() != c.want {
					t.Fatalf("got  %v\nwant %s", err, c.want)
				}
				if data != nil {
					t.Fatal("keys came with the error")
				}
			}
		})
	}
}

// TestURIs reads the connection strings back, with the parsers that clients use.
func TestURIs(t *testing.T) {
	hosts := []string{"db.example.com", "10.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0", "db"}
	names := []string{"orders", "a b", "a'b", `a"b`, `a\b`, "a/b", "a?b", "a#b", "a&b=c", "a%b", "a%41b", "a+b", "a:b@c", "ünïcödé", "🐘", "User", " lead", ";DROP DATABASE x;--"}
	for i, name := range names {
		c := credential()
		c.Host, c.Port = hosts[i%len(hosts)], 6543
		c.Database, c.Username, c.Password, c.SSLMode = name, "u"+name, secret.NewValue([]byte("p"+name)), "require"
		t.Run(name, func(t *testing.T) {
			data, err := c.Keys(v1alpha1.SecretTemplate{})
			if err != nil {
				t.Fatal(err)
			}
			checkURI(t, c, string(data["uri"]))
			checkJDBC(t, c, string(data["jdbc-uri"]))
		})
	}
	for _, host := range hosts {
		c := credential()
		c.Host = host
		data, err := c.Keys(v1alpha1.SecretTemplate{})
		if err != nil {
			t.Fatal(err)
		}
		checkURI(t, c, string(data["uri"]))
		checkJDBC(t, c, string(data["jdbc-uri"]))
	}
}

func checkURI(t *testing.T, c secret.Credential, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if u.Scheme != "postgresql" || u.Hostname() != c.Host || u.Port() != fmt.Sprint(c.Port) || u.Path != "/"+c.Database ||
		u.User.Username() != c.Username || password != c.Password.Reveal() || u.Query().Get("sslmode") != c.SSLMode || u.Fragment != "" {
		t.Errorf("%s reads %#v", uri, u)
	}
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != c.Host || config.Port != uint16(c.Port) || config.Database != c.Database || config.User != c.Username || config.Password != c.Password.Reveal() {
		t.Errorf("pgx reads %s as %s:%d %q %q %q", uri, config.Host, config.Port, config.Database, config.User, config.Password)
	}
}

// checkJDBC reads a URL as the driver does (pgjdbc, Driver.parseURL): the database
// and the parameters through java.net.URLDecoder, for which + is a space.
func checkJDBC(t *testing.T, c secret.Credential, jdbc string) {
	t.Helper()
	rest, ok := strings.CutPrefix(jdbc, "jdbc:postgresql://")
	server, parameters, _ := strings.Cut(rest, "?")
	address, database, found := strings.Cut(server, "/")
	decoded, err := url.QueryUnescape(database)
	if !ok || !found || err != nil || decoded != c.Database {
		t.Errorf("%s has database %q (%v)", jdbc, decoded, err)
	}
	host := c.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if address != fmt.Sprintf("%s:%d", host, c.Port) {
		t.Errorf("%s has address %q", jdbc, address)
	}
	query, err := url.ParseQuery(parameters)
	if err != nil || query.Get("user") != c.Username || query.Get("password") != c.Password.Reveal() || query.Get("sslmode") != c.SSLMode || len(query) != 3 {
		t.Errorf("%s has parameters %v (%v)", jdbc, query, err)
	}
}
