// Package layout keeps the table of docs/architecture.md true: which packages
// exist, and which of them may import which. Its tests run over the packages of
// this module; the check itself is a pure function.
package layout

import (
	"fmt"
	"slices"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/dbtether/kubectl-dbtether"

// Package is what `go list -json` says of a package, as far as it is needed here.
type Package struct {
	ImportPath string
	// Imports holds what the package imports directly, without its tests.
	Imports []string
}

// Room is a package and the packages of this module that it may import, all
// relative to the module.
type Room struct {
	Path string
	May  []string
}

// Rooms are all packages of this module but those under hack/, which are
// programs and tests of their own and may import anything.
var Rooms = []Room{
	{"cmd/kubectl-dbtether", []string{"pkg/plugin"}},
	{"cmd/webhook", []string{"pkg/admission"}},
	{"pkg/admission", []string{"pkg/review", "pkg/policy", "policies", "pkg/api/v1alpha1", "pkg/words", "pkg/telemetry", "pkg/tracing"}},
	{"pkg/review", []string{"pkg/policy", "pkg/inject", "pkg/api/v1alpha1"}},
	{"pkg/policy", []string{"policies", "pkg/words"}},
	{"policies", nil},
	{"pkg/inject", []string{"pkg/api/v1alpha1", "pkg/words"}},
	{"pkg/check", []string{"pkg/install", "pkg/provision", "pkg/policy", "pkg/revision", "pkg/api/v1alpha1"}},
	{"pkg/plugin", []string{"pkg/check", "pkg/runner", "pkg/review", "pkg/inject", "pkg/policy", "pkg/provision", "pkg/postgres", "pkg/revision", "pkg/notify", "pkg/secret", "pkg/secretfile", "pkg/install", "pkg/api/v1alpha1", "manifests", "pkg/words", "pkg/telemetry", "pkg/tracing"}},
	{"pkg/runner", []string{"pkg/provision", "pkg/review", "pkg/revision", "pkg/notify", "pkg/api/v1alpha1", "pkg/words", "pkg/telemetry", "pkg/tracing"}},
	{"pkg/provision", []string{"pkg/review", "pkg/postgres", "pkg/revision", "pkg/secret", "pkg/api/v1alpha1", "pkg/words", "pkg/tracing"}},
	{"pkg/postgres", []string{"pkg/secret", "pkg/tracing"}},
	{"pkg/revision", []string{"pkg/secret", "pkg/api/v1alpha1"}},
	{"pkg/notify", []string{"pkg/secret", "pkg/api/v1alpha1", "pkg/words"}},
	{"pkg/secret", []string{"pkg/api/v1alpha1"}},
	{"pkg/secretfile", []string{"pkg/secret", "pkg/api/v1alpha1"}},
	{"pkg/install", []string{"pkg/api/v1alpha1", "manifests"}},
	{"pkg/api/v1alpha1", nil},
	{"pkg/tracing", nil},
	{"pkg/telemetry", nil},
	{"pkg/words", nil},
	{"manifests", nil},
}

// Owner is the one room that may import a module of others directly.
type Owner struct {
	Import string
	Room   string
}

// Owners say where each heavy dependency lives. A room that does not exist yet
// keeps its dependency out of all others.
var Owners = []Owner{
	{"github.com/spf13/cobra", "pkg/plugin"},
	{"k8s.io/cli-runtime", "pkg/plugin"},
	{"github.com/jackc/pgx", "pkg/postgres"},
	{"github.com/slok/kubewebhook", "pkg/admission"},
	{"github.com/open-policy-agent/opa", "pkg/policy"},
	{"go.opentelemetry.io/otel/sdk", "pkg/telemetry"},
	{"go.opentelemetry.io/otel/exporters", "pkg/telemetry"},
}

// Check returns one sentence for each violation of Rooms and Owners in packages,
// in the order of packages. It does no I/O.
func Check(packages []Package) []string {
	var violations []string
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, Module+"/")
		if under(path, "hack") {
			continue
		}
		i := slices.IndexFunc(Rooms, func(r Room) bool { return r.Path == path })
		if i < 0 {
			violations = append(violations, fmt.Sprintf("%s is not in the table: add a row with what it may import to Rooms in hack/layout/layout.go and a row with its purpose to docs/architecture.md", path))
			continue
		}
		for _, imported := range p.Imports {
			if violation := checkImport(Rooms[i], imported); violation != "" {
				violations = append(violations, violation)
			}
		}
	}
	return violations
}

func checkImport(room Room, imported string) string {
	if ours, ok := strings.CutPrefix(imported, Module+"/"); ok {
		if !slices.Contains(room.May, ours) {
			return fmt.Sprintf("%s imports %s: it may import %s", room.Path, ours, list(room.May))
		}
		return ""
	}
	for _, owner := range Owners {
		if under(imported, owner.Import) && room.Path != owner.Room {
			return fmt.Sprintf("%s imports %s: only %s may", room.Path, imported, owner.Room)
		}
	}
	return ""
}

// under reports whether path is parent or lies below it.
func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func list(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing of ours"
	}
	return strings.Join(rooms, ", ")
}
