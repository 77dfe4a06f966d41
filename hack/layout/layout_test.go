package layout

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func TestThisModuleKeepsTheLayout(t *testing.T) {
	for _, violation := range Check(listPackages(t)) {
		t.Error(violation)
	}
}

func TestCheck(t *testing.T) {
	const unknown = "pkg/cache is not in the table: add a row with what it may import to Rooms in hack/layout/layout.go and a row with its purpose to docs/architecture.md"
	ours := func(path string) string { return Module + "/" + path }
	for _, c := range []struct {
		name, path string
		imports    []string
		want       []string
	}{
		{"what the table allows", "pkg/plugin", []string{"fmt", "github.com/spf13/cobra", "k8s.io/cli-runtime/pkg/genericclioptions", ours("pkg/provision"), ours("manifests")}, nil},
		{"main wires the plugin", "cmd/kubectl-dbtether", []string{"os", ours("pkg/plugin")}, nil},
		{"main imports cobra", "cmd/kubectl-dbtether", []string{"github.com/spf13/cobra"}, []string{"cmd/kubectl-dbtether imports github.com/spf13/cobra: only pkg/plugin may"}},
		{"main imports a lower room", "cmd/kubectl-dbtether", []string{ours("pkg/provision")}, []string{"cmd/kubectl-dbtether imports pkg/provision: it may import pkg/plugin"}},
		{"pgx in the plugin", "pkg/plugin", []string{"github.com/jackc/pgx/v5"}, []string{"pkg/plugin imports github.com/jackc/pgx/v5: only pkg/postgres may"}},
		{"pgx below its root", "pkg/provision", []string{"github.com/jackc/pgx/v5/pgconn"}, []string{"pkg/provision imports github.com/jackc/pgx/v5/pgconn: only pkg/postgres may"}},
		{"pgx at home", "pkg/postgres", []string{"github.com/jackc/pgx/v5", ours("pkg/secret")}, nil},
		{"a module whose name begins like pgx", "pkg/plugin", []string{"github.com/jackc/pgxlisten"}, nil},
		{"cobra in postgres", "pkg/postgres", []string{"github.com/spf13/cobra"}, []string{"pkg/postgres imports github.com/spf13/cobra: only pkg/plugin may"}},
		{"cli-runtime in provision", "pkg/provision", []string{"k8s.io/cli-runtime/pkg/printers"}, []string{"pkg/provision imports k8s.io/cli-runtime/pkg/printers: only pkg/plugin may"}},
		{"kubewebhook in the plugin", "pkg/plugin", []string{"github.com/slok/kubewebhook/v2/pkg/http"}, []string{"pkg/plugin imports github.com/slok/kubewebhook/v2/pkg/http: only pkg/admission may"}},
		{"OPA in provision", "pkg/provision", []string{"github.com/open-policy-agent/opa/v1/rego"}, []string{"pkg/provision imports github.com/open-policy-agent/opa/v1/rego: only pkg/policy may"}},
		{"the API imports ours", "pkg/api/v1alpha1", []string{ours("pkg/secret")}, []string{"pkg/api/v1alpha1 imports pkg/secret: it may import nothing of ours"}},
		{"manifests import ours", "manifests", []string{ours("pkg/api/v1alpha1")}, []string{"manifests imports pkg/api/v1alpha1: it may import nothing of ours"}},
		{"a lower room calls back up", "pkg/secret", []string{ours("pkg/revision")}, []string{"pkg/secret imports pkg/revision: it may import pkg/api/v1alpha1"}},
		{"postgres reads the API", "pkg/postgres", []string{ours("pkg/api/v1alpha1")}, []string{"pkg/postgres imports pkg/api/v1alpha1: it may import pkg/secret, pkg/tracing"}},
		{"the test environment in a room", "pkg/check", []string{ours("hack/testenv")}, []string{"pkg/check imports hack/testenv: it may import pkg/install, pkg/provision, pkg/policy, pkg/revision, pkg/api/v1alpha1"}},
		{"two at once", "pkg/secret", []string{"github.com/spf13/cobra", "github.com/jackc/pgx/v5"}, []string{"pkg/secret imports github.com/spf13/cobra: only pkg/plugin may", "pkg/secret imports github.com/jackc/pgx/v5: only pkg/postgres may"}},
		{"hack imports anything", "hack/demo", []string{"github.com/spf13/cobra", "github.com/jackc/pgx/v5", ours("pkg/plugin")}, nil},
		{"a room that only begins like hack", "hackery", nil, []string{strings.Replace(unknown, "pkg/cache", "hackery", 1)}},
		{"an unknown room", "pkg/cache", nil, []string{unknown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Check([]Package{{ImportPath: ours(c.path), Imports: c.imports}})
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// listPackages returns the packages of this module. It runs `go list`.
func listPackages(t *testing.T) []Package {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=Dir,ImportPath,Imports", Module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []Package
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Package
			Dir string
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("decode the output of go list: %v", err)
		}
		// go test caches results by the files that the test itself reads, and does
		// not see what go list reads: without this an old "ok" would hide a new import.
		if _, err := os.ReadDir(p.Dir); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p.Package)
	}
}
