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
	// Env lists further variables. They are given in every form, also beside files.
	Env []EnvAsk
	// Files lists further files. They are given in every form that has files.
	Files []FileAsk
	// Root is the directory below which each credential has its own directory. Empty:
	// /bindings. A container that sets SERVICE_BINDING_ROOT itself keeps its own root.
	Root string
	// Mode is that of the files; 0 for Kubernetes' default, 0644.
	Mode int64
	// Optional says that the pod starts even while a Secret is not there.
	Optional bool
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

// FileAsk asks for a file with one key of a credential.
type FileAsk struct {
	// Name is that of the file, in the directory of the credential.
	Name string
	// Alias says whose credential. Empty: that of the user without alias.
	Alias string
	// Key is as that of an EnvAsk.
	Key string
}

// root returns the directory below which each credential has its own.
func (a *Ask) root() string {
	if a.Root == "" {
		return defaultRoot
	}
	return a.Root
}

// Form says how a credential reaches a container.
type Form string

// The four forms. FormLibpq is files, and the variables that make libpq read one of them
// at each connection: it has no password in its environment that a rotation outdates.
const (
	FormEnv   Form = "env"
	FormFiles Form = "files"
	FormBoth  Form = "both"
	FormLibpq Form = "libpq"
)

func (f Form) env() bool   { return f != FormFiles && f != FormLibpq }
func (f Form) files() bool { return f != FormEnv }

// text returns the form as the annotation dbtether.io/injected has it. With variables beside
// files the pod has the credential in its environment, too.
func (f Form) text(variables bool) string {
	switch {
	case f == FormEnv:
		return "env"
	case f == FormLibpq && variables:
		return "env+libpq"
	case f == FormLibpq || f == FormFiles && !variables:
		return string(f)
	default:
		return "env+files"
	}
}

// HasEnvironment reports whether a form, as the annotation dbtether.io/injected has it, puts a
// credential into the environment, where a rotation does not reach it. A form that is not one
// of ours counts as one that does.
func HasEnvironment(form string) bool { return form != "files" && form != "libpq" }

// standardKey is a key of a credential, and the variable that carries it.
type standardKey struct{ variable, key string }

// standardKeys are the keys behind the variables of libpq (manual, section
// "Environment Variables") that every user gets, prefixed with its alias.
var standardKeys = []standardKey{
	{"PGHOST", "host"},
	{"PGPORT", "port"},
	{"PGDATABASE", "database"},
	{"PGUSER", "username"},
	{"PGPASSWORD", "password"},
	{"PGSSLMODE", "sslmode"},
}

// Standard returns the variables that a pod gets of each user that it asks for in a form with
// variables, in the order in which they are written: those of libpq, prefixed with the alias,
// if there is one.
func Standard(alias string) []EnvAsk {
	asks := make([]EnvAsk, len(standardKeys))
	for i, standard := range standardKeys {
		asks[i] = EnvAsk{Variable: VariablePrefix(alias) + standard.variable, Alias: alias, Key: standard.key}
	}
	return asks
}

// credentialKeys are the keys that every credential has: an annotation may name them.
var credentialKeys = []string{"host", "port", "database", "username", "password", "uri", "jdbc-uri", "sslmode"}

// otherKeys are the keys that a credential may have beside credentialKeys.
var otherKeys = []string{"type", "provider", "databases", v1alpha1.ServiceFile}

// The variables of libpq for a connection service file (manual, section "Environment
// Variables").
const (
	serviceFileVariable = "PGSERVICEFILE"
	serviceVariable     = "PGSERVICE"
)

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

// VariablePrefix returns "REPORTS_" for the alias "reports", nothing for none.
func VariablePrefix(alias string) string {
	if alias == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ToUpper(alias), "-", "_") + "_"
}

// podAnnotations are all annotations under our prefix that a pod may have, in the
// order in which they are read.
var podAnnotations = []string{
	v1alpha1.AnnotationInject, v1alpha1.AnnotationAs, v1alpha1.AnnotationEnv, v1alpha1.AnnotationFiles,
	v1alpha1.AnnotationPath, v1alpha1.AnnotationFileMode, v1alpha1.AnnotationOptional,
	v1alpha1.AnnotationContainers, v1alpha1.AnnotationPoolSize, v1alpha1.AnnotationOnRotate, v1alpha1.AnnotationInjected,
	v1alpha1.AnnotationRestartedFor,
}

// writtenByUs is how many of podAnnotations, at the end of the list, only we write.
const writtenByUs = 2

// NoInjection is the value of dbtether.io/inject on a pod that wants nothing, in a
// namespace whose pods get something by default.
const NoInjection = "none"
