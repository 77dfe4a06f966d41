package plugin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// lackedKey is for the rights that a script has taken away, in order.
type lackedKey struct{}

// lacks gives the user dev-$ID the roles of files of $RBAC less one right, and runs a
// command as her, which has to say so:
//
//	lacks FILE,… 'VERB RESOURCE' TEXT COMMAND ARG…
//	lacks FILE,… nothing       gives all of them
//	lacks FILE,…               fails unless each right was taken away once
func lacks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) == 3 {
		ts.Fatalf("usage: lacks FILE,... [RIGHT [TEXT COMMAND ARG...]]")
	}
	roles := readRoles(ts, args[0])
	lacked := ts.Value(lackedKey{}).(*[]string)
	if len(args) == 1 {
		for _, role := range roles {
			eachRight(role.Rules, func(right string) {
				if !slices.Contains(*lacked, right) {
					ts.Fatalf("it is not said what the right to %s is for", right)
				}
			})
		}
		return
	}
	right := args[1]
	found := right == "nothing"
	for _, role := range roles {
		eachRight(role.Rules, func(r string) { found = found || r == right })
		bindLess(ts, role, right)
	}
	if !found {
		ts.Fatalf("%s has no right to %s", args[0], right)
	}
	if n := len(*lacked); n > 0 {
		awaitRight(ts, (*lacked)[n-1], true)
	}
	if right == "nothing" {
		return
	}
	awaitRight(ts, right, false)
	*lacked = append(*lacked, right)
	out, errOut, _ := performAs(ts, ts.Getenv("DEV"), args[3:])
	if said := withoutChanging(ts, out+errOut); !strings.Contains(said, args[2]) {
		ts.Fatalf("without the right to %s\n%s\nit is not said: %s", right, said, args[2])
	}
}

// readRoles returns the roles of files; a ClusterRole has the form of a Role without a
// namespace.
func readRoles(ts *testscript.TestScript, files string) (roles []rbacv1.Role) {
	for file := range strings.SplitSeq(files, ",") {
		roles = append(roles, readRoleFile(ts, file)...)
	}
	return roles
}

func readRoleFile(ts *testscript.TestScript, file string) (roles []rbacv1.Role) {
	text, err := os.ReadFile(filepath.Join(ts.Getenv("RBAC"), file))
	ts.Check(err)
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return roles
		}
		ts.Check(err)
		var role rbacv1.Role
		ts.Check(yaml.Unmarshal(part, &role))
		roles = append(roles, role)
	}
}

func eachRight(rules []rbacv1.PolicyRule, do func(right string)) {
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				do(verb + " " + resource)
			}
		}
	}
}

// bindLess binds a role of the script's own to its developer: with the rules of this one,
// less one right.
func bindLess(ts *testscript.TestScript, role rbacv1.Role, right string) {
	var less []rbacv1.PolicyRule
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(verb string) bool { return verb+" "+resource == right })
			less = append(less, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{resource}, Verbs: append(verbs, "none")})
		}
	}
	name := ts.Getenv("NS") + "-" + role.Name
	meta := metav1.ObjectMeta{Name: name, Namespace: role.Namespace}
	binding := rbacv1.RoleBinding{TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: role.Kind + "Binding"}, ObjectMeta: meta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "dev-" + ts.Getenv("ID")}}}
	for _, object := range []any{rbacv1.Role{TypeMeta: role.TypeMeta, ObjectMeta: meta, Rules: less}, binding} {
		text, err := json.Marshal(object)
		ts.Check(err)
		file := filepath.Join(ts.Getenv("WORK"), ".lacks.json")
		ts.Check(os.WriteFile(file, text, 0o600))
		ts.Check(ts.Exec("kubectl", "apply", "-f", file))
	}
}

// awaitRight waits until the API server knows whether the developer has a right.
func awaitRight(ts *testscript.TestScript, right string, want bool) {
	verb, resource, _ := strings.Cut(right, " ")
	resource, subresource, _ := strings.Cut(resource, "/")
	namespace := ts.Getenv("NS")
	switch resource {
	case "databases", "databaseusers", "dbclusters":
		resource += ".dbtether.io"
	case "deployments", "statefulsets", "daemonsets":
		resource += ".apps"
	case "configmaps":
		namespace = "dbtether-system"
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, _, _ := performAs(ts, ts.Getenv("DEV"), []string{"kubectl", "auth", "can-i", verb, resource, "--subresource=" + subresource, "-n", namespace})
		if (strings.TrimSpace(out) == "yes") == want {
			return
		}
	}
	ts.Fatalf("after a minute the API server does not know that the right to %s is %v", right, want)
}

// performAs is perform with another kubeconfig.
func performAs(ts *testscript.TestScript, kubeconfig string, command []string) (out, errOut string, code int) {
	admin := ts.Getenv("KUBECONFIG")
	ts.Setenv("KUBECONFIG", kubeconfig)
	defer ts.Setenv("KUBECONFIG", admin)
	return perform(ts, command)
}
