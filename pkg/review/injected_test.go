package review

import (
	"math"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

func TestHoldsOlder(t *testing.T) {
	for _, c := range []struct {
		injected string
		revision int64
		want     bool
	}{
		{"", 9, false},
		{"orders-api@3:env+files", 3, false}, {"orders-api@3:env+files", 4, true}, {"orders-api@3:env", 4, true},
		{"orders-api@3:files", 4, false},
		{"orders-api@3:env", 2, false},
		{"reports=orders-api@3:env", 4, true}, {"orders-api=reports@3:env", 4, false},
		{"reports@1:env,x=orders-api@3:env+files", 4, true}, {"reports@1:env,x=orders-api@4:env+files", 4, false},
		{"orders-api-2@1:env", 4, false}, {"orders@1:env", 4, false},
		// What nobody of ours has written may hold anything.
		{"orders-api", 4, true}, {"orders-api@", 4, true}, {"orders-api@x:files", 4, true}, {"orders-api@3", 4, true}, {"orders-api@3:", 4, true},
		{"orders-api@99999999999999999999:env", 4, true}, {" orders-api@3:files , orders-api@3:env ", 4, true},
	} {
		if got := HoldsOlder(c.injected, "orders-api", c.revision); got != c.want {
			t.Errorf("HoldsOlder(%q, %d) = %v", c.injected, c.revision, got)
		}
	}
}

// FuzzInjected checks that any text can be asked about, that a pod which holds a
// revision before one also does before later ones, and that whoever gets a credential
// in the environment is known to.
func FuzzInjected(f *testing.F) {
	for _, s := range []struct{ users, as, env, injected string }{
		{"orders-api", "", "", ""}, {"orders-api,reports=analytics.ro", "env", "", "orders-api@3:env"},
		{"orders-api,reports=analytics.ro", "files", "DATABASE_URL=uri,R=reports.host", "reports=orders-api@1:files,,@"},
		{"a=b", "both", "X=a.password", "b@x:y"}, {"a=b,c", "files", "X=a.password", "b"}, {"", "", "", "b@-1:files, b@9:files"},
	} {
		f.Add(s.users, s.as, s.env, s.injected, int64(3))
	}
	f.Fuzz(func(t *testing.T, users, as, env, injected string, revision int64) {
		for name := range strings.SplitSeq(users+","+injected, ",") {
			if HoldsOlder(injected, name, revision) && revision < math.MaxInt64 && !HoldsOlder(injected, name, revision+1) {
				t.Errorf("%q holds a revision of %q before %d, and none before the next", injected, name, revision)
			}
		}
		ask, problems := inject.Parse(map[string]string{v1alpha1.AnnotationInject: users, v1alpha1.AnnotationAs: as, v1alpha1.AnnotationEnv: env})
		if revision < 0 || revision == math.MaxInt64 || ask == nil || wrongUsers(problems) {
			return
		}
		checkInjected(t, ask, revision)
	})
}

// wrongUsers reports whether it is not clear which users are asked for.
func wrongUsers(problems []inject.Problem) bool {
	for _, p := range problems {
		if p.Annotation == v1alpha1.AnnotationInject {
			return true
		}
	}
	return false
}

// checkInjected injects a pod and asks what it holds.
func checkInjected(t *testing.T, ask *inject.Ask, revision int64) {
	t.Helper()
	pod, err := inject.Decode([]byte(`{"metadata":{},"spec":{"containers":[{"name":"app"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var all []inject.Binding
	for i, user := range ask.Users {
		all = append(all, inject.Binding{User: user.Name, Alias: user.Alias, Secret: "secret-" + strings.Repeat("x", i+1) + "-end", Revision: revision})
	}
	patch, err := pod.Patch(ask, all)
	if err != nil {
		return
	}
	for _, b := range all {
		inEnvironment := strings.Contains(string(patch.JSON), `"secretKeyRef":{"name":"`+b.Secret+`"`)
		if got := HoldsOlder(patch.Injected, b.User, revision+1); got != inEnvironment {
			t.Errorf("%q: the environment holds %s: %v, and HoldsOlder says %v\n%s", patch.Injected, b.User, inEnvironment, got, patch.JSON)
		}
		if HoldsOlder(patch.Injected, b.User, revision) {
			t.Errorf("%q: %s is older than itself", patch.Injected, b.User)
		}
	}
}
