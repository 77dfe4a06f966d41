package secret_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// hostForm is that of spec.endpoint of a DBCluster, whose colons are those of an IPv6
// address.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9._-]+|[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}|::[0-9a-f]{1,4})$`)

// FuzzSecretKeys checks that the connection strings of any credential are read back as
// what it holds, by net/url, pgx and the rules of the JDBC driver, and that every
// key of every format holds one of its fields.
func FuzzSecretKeys(f *testing.F) {
	for _, text := range []string{"orders", "a b", "a'b", `a"b`, `a\b`, "a/b", "/a", "//", "a?b", "a#b", "a&b=c", "a%b", "a%41b", "a+b", "a:b@c", "é🐘", " ", ";--", "\x00", "\xff", "\n", "[::1]", "@", "a@b:5432/x?y"} {
		f.Add("db.example.com", uint16(5432), text, text, text, uint8(0), "uri", "DATABASE_URL")
		f.Add("::1", uint16(1), text, "u"+text, "p"+text, uint8(5), text, text)
	}
	f.Fuzz(func(t *testing.T, host string, port uint16, database, username, password string, which uint8, field, key string) {
		formats := []v1alpha1.SecretFormat{v1alpha1.FormatRaw, v1alpha1.FormatDB, v1alpha1.FormatDatabase, v1alpha1.FormatPostgres, v1alpha1.FormatPG, v1alpha1.FormatCustom}
		template := v1alpha1.SecretTemplate{Format: formats[int(which)%len(formats)]}
		if template.Format == v1alpha1.FormatCustom {
			template.Keys = map[string]v1alpha1.SecretKey{field: v1alpha1.SecretKey(key)}
		}
		c := secret.Credential{Host: host, Port: int32(port), Database: database, Username: username, Password: secret.NewValue([]byte(password)), SSLMode: "require"}
		data, err := c.Keys(template)
		if err != nil {
			if strings.Contains(err.Error(), password) && len(password) > 8 && !strings.Contains(field+key, password) {
				t.Errorf("the error holds the password: %v", err)
			}
			return
		}
		checkService(t, c, data)
		checkFields(t, c, data)
		if port > 0 && hostForm.MatchString(host) && text(database) && text(username) && text(password) && username != "" && !strings.HasPrefix(database, "/") && database != "" {
			checkURI(t, c, string(data["uri"]))
			checkJDBC(t, c, string(data["jdbc-uri"]))
		}
	})
}

// text reports whether PostgreSQL can hold a name or take a password.
func text(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// checkService reads the connection service file as libpq does, line by line, and checks
// that it says what the other keys say, or that it is not there.
func checkService(t *testing.T, c secret.Credential, data secret.Data) {
	t.Helper()
	file, there := data[v1alpha1.ServiceFile]
	if !there {
		if all := c.Host + c.Database + c.Username + c.Password.Reveal() + c.SSLMode; text(all) && !strings.ContainsFunc(all, unicode.IsSpace) && len(all) < 900 {
			t.Errorf("no %s for %q", v1alpha1.ServiceFile, all)
		}
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if lines[0] != "["+v1alpha1.ServiceName+"]" || len(lines) != 7 {
		t.Fatalf("%q", file)
	}
	got := map[string]string{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[name] = value
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	for name, key := range map[string]string{"host": "host", "port": "port", "dbname": "database", "user": "username", "password": "password", "sslmode": "sslmode"} {
		if got[name] != string(data[key]) {
			t.Errorf("%s is %q in the file, and %q in the Secret", name, got[name], data[key])
		}
	}
}

// checkFields checks that each key holds a field as it is.
func checkFields(t *testing.T, c secret.Credential, data secret.Data) {
	t.Helper()
	for key, want := range map[string]string{"host": c.Host, "port": strconv.Itoa(int(c.Port)), "database": c.Database, "username": c.Username,
		"password": c.Password.Reveal(), "sslmode": c.SSLMode, "type": "postgresql", "provider": "dbtether"} {
		if got := string(data[key]); got != want {
			t.Errorf("key %s is %q, want %q", key, got, want)
		}
	}
	fields := map[string]bool{}
	for _, key := range []string{"host", "port", "database", "username", "password", "sslmode", "type", "provider", "uri", "jdbc-uri"} {
		fields[string(data[key])] = true
	}
	for key, value := range data {
		if key != v1alpha1.ServiceFile && !fields[string(value)] {
			t.Errorf("key %s holds %q, which is no field", key, value)
		}
	}
}
