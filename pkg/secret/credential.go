package secret

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Credential is everything a client needs to log in to a database.
type Credential struct {
	Host     string
	Port     int32
	Database string
	// Databases are the names of all databases that the login may use. It is empty where the
	// Secret is about Database alone.
	Databases []string
	Username  string
	Password  Value
	SSLMode   string
}

// bindingKeys are always there, after the Service Binding specification for
// Kubernetes ("Well-known Secret Entries").
var bindingKeys = []string{"host", "port", "database", "username", "password", "uri", "jdbc-uri", "sslmode"}

// formatKeys lists the further keys of each format, as field → key.
var formatKeys = map[v1alpha1.SecretFormat]map[string]string{
	v1alpha1.FormatRaw: {"username": "user"},
	v1alpha1.FormatDB: {
		"host": "DB_HOST", "port": "DB_PORT", "database": "DB_NAME",
		"username": "DB_USER", "password": "DB_PASSWORD",
	},
	v1alpha1.FormatDatabase: {
		"host": "DATABASE_HOST", "port": "DATABASE_PORT", "database": "DATABASE_NAME",
		"username": "DATABASE_USER", "password": "DATABASE_PASSWORD", "uri": "DATABASE_URL",
	},
	v1alpha1.FormatPostgres: {
		"host": "POSTGRES_HOST", "port": "POSTGRES_PORT", "database": "POSTGRES_DATABASE",
		"username": "POSTGRES_USER", "password": "POSTGRES_PASSWORD",
	},
	v1alpha1.FormatPG: {
		"host": "PGHOST", "port": "PGPORT", "database": "PGDATABASE",
		"username": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
	},
}

// Keys returns the content of the credential's Secret: the Service Binding keys, a
// connection service file, and those of the template; with format raw also the key
// databases, where there are several, with their names separated by commas. It fails on a
// template that names an unknown field, or that puts two different fields under one key.
func (c Credential) Keys(template v1alpha1.SecretTemplate) (Data, error) {
	fields := c.fields()
	data := Data{"type": []byte("postgresql"), "provider": []byte("dbtether")}
	from := map[string]string{"type": "type", "provider": "provider"}
	put := func(key, field string) error {
		value, ok := fields[field]
		if !ok {
			return fmt.Errorf("render secret keys: %q is not a field of a credential", field)
		}
		if other, taken := from[key]; taken && other != field {
			return fmt.Errorf("render secret keys: key %q is asked for with field %q, but it already carries %q", key, field, other)
		}
		data[key], from[key] = []byte(value), field
		return nil
	}
	for _, field := range bindingKeys {
		if err := put(field, field); err != nil {
			return nil, err
		}
	}
	if file, ok := c.serviceFile(); ok {
		data[v1alpha1.ServiceFile], from[v1alpha1.ServiceFile] = file, v1alpha1.ServiceFile
	}
	for field, key := range formatKeys[template.Format] {
		if err := put(key, field); err != nil {
			return nil, err
		}
	}
	if raw := template.Format == "" || template.Format == v1alpha1.FormatRaw; raw && len(c.Databases) > 1 {
		data["databases"], from["databases"] = []byte(strings.Join(c.Databases, ",")), "databases"
	}
	for _, name := range slices.Sorted(maps.Keys(template.Keys)) { // in order: the same error each time
		field := name
		if name == "user" {
			field = "username"
		}
		if err := put(string(template.Keys[name]), field); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (c Credential) fields() map[string]string {
	return map[string]string{
		"host":     c.Host,
		"port":     strconv.Itoa(int(c.Port)),
		"database": c.Database,
		"username": c.Username,
		"password": c.Password.Reveal(),
		"uri":      c.uri(),
		"jdbc-uri": c.jdbcURI(),
		"sslmode":  c.SSLMode,
	}
}

// serviceFile returns the credential as a connection service file, and false where that
// cannot hold it: a value there has no line break, and no space at its ends, and libpq takes
// no line of 1,024 bytes (fe-connect.c, parseServiceFile).
func (c Credential) serviceFile() ([]byte, bool) {
	file := []byte("[" + v1alpha1.ServiceName + "]\n")
	for _, line := range [][2]string{{"host", c.Host}, {"port", strconv.Itoa(int(c.Port))}, {"dbname", c.Database},
		{"user", c.Username}, {"password", c.Password.Reveal()}, {"sslmode", c.SSLMode}} {
		value := line[1]
		if value != strings.TrimSpace(value) || strings.ContainsAny(value, "\n\r\x00") || len(value) > 900 {
			return nil, false
		}
		file = append(file, line[0]+"="+value+"\n"...)
	}
	return file, true
}

// uri returns the connection URI of libpq (manual, section "Connection Strings").
func (c Credential) uri() string {
	u := url.URL{
		Scheme:   "postgresql",
		User:     url.UserPassword(c.Username, c.Password.Reveal()),
		Host:     net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))),
		Path:     "/" + c.Database,
		RawQuery: url.Values{"sslmode": {c.SSLMode}}.Encode(),
	}
	return u.String()
}

// jdbcURI returns the URL of the PostgreSQL JDBC driver, which takes user and
// password as parameters. The driver reads a + in the database's name as a space.
func (c Credential) jdbcURI() string {
	query := url.Values{"user": {c.Username}, "password": {c.Password.Reveal()}, "sslmode": {c.SSLMode}}
	return "jdbc:postgresql://" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" +
		strings.ReplaceAll(url.QueryEscape(c.Database), "+", "%20") + "?" + query.Encode()
}
