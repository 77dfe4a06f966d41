package admission

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/manifests"
)

// attempt is a request, and the whole sentence with which it is refused; "" where it is
// not.
type attempt struct {
	title, by, manifest string
	args                []string
	want                string
}

// policyDenial is what kubectl and the API server put around the sentence of a policy.
var policyDenial = regexp.MustCompile(`^(?:Warning: .*\n)*Error from server \(Forbidden\): .*ValidatingAdmissionPolicy '[a-z.-]+' with binding '[a-z.-]+' denied request: (.*)$`)

// try makes one attempt after the other, by cluster-admin where it does not say by whom.
func (c *cluster) try(t *testing.T, attempts []attempt) {
	t.Helper()
	for _, a := range attempts {
		args := a.args
		if a.by != "" {
			args = append([]string{"--as=" + a.by}, args...)
		}
		_, err := c.kubectl(a.manifest, args...)
		got := ""
		if err != nil {
			got = err.Error()
			if said := policyDenial.FindStringSubmatch(got); said != nil {
				got = said[1]
			}
		}
		if got != a.want {
			t.Errorf("%s:\n got %s\nwant %s", a.title, got, a.want)
		}
	}
}

// grant makes a user with these rules, in one namespace.
func (c *cluster) grant(t *testing.T, namespace, user string, rules ...string) {
	t.Helper()
	name := strings.ReplaceAll(user, ":", "-")
	c.must(t, fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %s, namespace: %s}\nrules:\n- %s\n",
		name, namespace, strings.Join(rules, "\n- ")), "create", "-f", "-")
	c.must(t, "", "create", "rolebinding", name, "-n", namespace, "--role="+name, "--user="+user)
}

// floor returns the policies that are installed, as they are embedded.
func floor(t *testing.T) []admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	files, err := fs.Glob(manifests.FS, "policies/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var policies []admissionv1.ValidatingAdmissionPolicy
	for _, file := range files {
		text, err := fs.ReadFile(manifests.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(string(text), "\n---\n")
		if len(documents) != 2 {
			t.Fatalf("%s has %d documents, not a policy and its binding", file, len(documents))
		}
		var policy admissionv1.ValidatingAdmissionPolicy
		var binding admissionv1.ValidatingAdmissionPolicyBinding
		if err := yaml.UnmarshalStrict([]byte(documents[0]), &policy); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := yaml.UnmarshalStrict([]byte(documents[1]), &binding); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(file, "policies/"), ".yaml"), "_", "-") + ".dbtether.io"
		if policy.Name != name || binding.Name != name || binding.Spec.PolicyName != name {
			t.Errorf("%s: the policy is %q, the binding %q of %q, and not %q", file, policy.Name, binding.Name, binding.Spec.PolicyName, name)
		}
		policies = append(policies, policy)
	}
	return policies
}

// checker checks expressions against the types of this API server, as the controller
// does that writes status.typeChecking: the servers of the tests run no controllers.
func (c *cluster) checker(t *testing.T) *validating.TypeChecker {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &validating.TypeChecker{
		SchemaResolver: &resolver.ClientDiscoveryResolver{Discovery: client},
		RestMapper:     restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client)),
	}
}

func TestFloorHasNoWarnings(t *testing.T) {
	c := newCluster(t)
	checker := c.checker(t)
	for _, policy := range floor(t) {
		for _, warning := range checker.Check(&policy) {
			t.Errorf("%s: %s: %s", policy.Name, warning.FieldRef, warning.Warning)
		}
		if policy.Spec.FailurePolicy == nil || *policy.Spec.FailurePolicy != admissionv1.Fail {
			t.Errorf("%s does not fail closed", policy.Name)
		}
		for i, validation := range policy.Spec.Validations {
			if validation.MessageExpression == "" || validation.Reason == nil {
				t.Errorf("%s: validation %d has no message or no reason", policy.Name, i)
			}
		}
	}
	// That the check finds anything at all:
	wrong := floor(t)[0]
	wrong.Spec.Validations = []admissionv1.Validation{{Expression: "object.metadata.nothing == ''"}}
	if warnings := checker.Check(&wrong); len(warnings) != 1 {
		t.Errorf("an expression over a field that does not exist has the warnings %v", warnings)
	}
}

// Who is refused something looks here for how it is lifted.
func TestFloorIsDescribed(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "floor.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`'([A-Z]+(?:-[A-Z]+)+): `)
	for _, policy := range floor(t) {
		for _, validation := range policy.Spec.Validations {
			found := code.FindStringSubmatch(validation.MessageExpression)
			if found == nil {
				t.Errorf("%s: a message without a code: %s", policy.Name, validation.MessageExpression)
				continue
			}
			if row := "| `" + found[1] + "` | `" + strings.TrimSuffix(policy.Name, ".dbtether.io") + "` |"; !strings.Contains(string(text), row) {
				t.Errorf("docs/floor.md has no row %s", row)
			}
		}
	}
}
