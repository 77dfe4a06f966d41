package inject

import (
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Ask is what the annotations of a pod ask for.
type Ask struct {
	// Users are the DatabaseUsers whose credentials the pod gets, in the order of
	// the annotation. At most one has no alias.
	Users []UserAsk
	// As says in which form. Never empty after Parse.
	As Form
	// Env lists further variables. They are given in every form: whoever names a
	// variable wants it, also beside files.
	Env []EnvAsk
	// Containers names the containers to inject. Empty: all, init containers included.
	Containers []string
	// PoolSize is how many connections the pod says that it opens with each credential; 0
	// if it does not say. It changes nothing about the pod.
	PoolSize int64
}

// UserAsk asks for the credential of one DatabaseUser of the pod's namespace.
type UserAsk struct {
	Name string
	// Alias prefixes the variables and names the directory. Empty: no prefix, and
	// the directory has the user's name.
	Alias string
}

// EnvAsk asks for a variable with one key of a credential.
type EnvAsk struct {
	Variable string
	// Alias says whose credential. Empty: that of the user without alias.
	Alias string
	// Key is one of host, port, database, username, password, uri, jdbc-uri, sslmode.
	Key string
}

// Form says how a credential reaches a container.
type Form string

// The three forms.
const (
	FormEnv   Form = "env"
	FormFiles Form = "files"
	FormBoth  Form = "both"
)

func (f Form) env() bool   { return f != FormFiles }
func (f Form) files() bool { return f != FormEnv }

// text returns the form as the annotation dbtether.io/injected has it.
func (f Form) text() string {
	switch f {
	case FormEnv, FormFiles:
		return string(f)
	default:
		return "env+files"
	}
}

// standardKeys are the keys behind the variables of libpq (manual, section
// "Environment Variables") that every user gets, prefixed with its alias.
var standardKeys = []struct{ variable, key string }{
	{"PGHOST", "host"},
	{"PGPORT", "port"},
	{"PGDATABASE", "database"},
	{"PGUSER", "username"},
	{"PGPASSWORD", "password"},
	{"PGSSLMODE", "sslmode"},
}

// credentialKeys are the keys that every credential has and that env may name.
var credentialKeys = []string{"host", "port", "database", "username", "password", "uri", "jdbc-uri", "sslmode"}

// rootVariable names the directory of all bindings (Service Binding specification
// for Kubernetes, section "Workload Projection").
const (
	rootVariable = "SERVICE_BINDING_ROOT"
	defaultRoot  = "/bindings"
)

// bindingName is the directory of a binding, and what its volume is named after.
func bindingName(user, alias string) string {
	if alias != "" {
		return alias
	}
	return user
}

// variablePrefix returns "REPORTS_" for the alias "reports", nothing for none.
func variablePrefix(alias string) string {
	if alias == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ToUpper(alias), "-", "_") + "_"
}

// podAnnotations are all annotations under our prefix that a pod may have, in the
// order in which they are read.
var podAnnotations = []string{
	v1alpha1.AnnotationInject, v1alpha1.AnnotationAs, v1alpha1.AnnotationEnv,
	v1alpha1.AnnotationContainers, v1alpha1.AnnotationPoolSize, v1alpha1.AnnotationInjected,
}
