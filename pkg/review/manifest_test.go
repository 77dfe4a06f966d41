package review_test

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

func TestManifestRequest(t *testing.T) {
	jane := review.User{Username: "jane", Groups: []string{"developers"}}
	const template = `{"metadata":{"name":"x","labels":{"app":"web"},"annotations":{"dbtether.io/inject":"api"}},"spec":{"serviceAccountName":"web","newer":1,"containers":[{"name":"app"}]}}`
	const made = `{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"dbtether.io/inject":"api"},"generateName":"web-","labels":{"app":"web"},"namespace":"team-b"},"spec":{"containers":[{"name":"app"}],"newer":1,"serviceAccountName":"web"}}`
	for _, c := range []struct {
		name, object     string
		change           func(*review.Manifest)
		want, user, what string
	}{
		{"a pod", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[]}}`, nil,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop"},"spec":{"containers":[],"serviceAccountName":"default"}}`, "jane", "CREATE pods shop web"},
		{"a deployment", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"team-b"},"spec":{"template":` + template + `}}`, nil,
			made, "system:serviceaccount:kube-system:replicaset-controller", "CREATE pods team-b "},
		{"a job of jane's", `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"web","namespace":"team-b"},"spec":{"template":` + template + `}}`, func(m *review.Manifest) { m.As = true },
			made, "jane", "CREATE pods team-b "},
		{"a cron job", `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"web","namespace":"team-b"},"spec":{"jobTemplate":{"spec":{"template":` + template + `}}}}`, nil,
			made, "system:serviceaccount:kube-system:job-controller", "CREATE pods team-b "},
		{"a database", `{"apiVersion":"dbtether.io/v1alpha1","kind":"Database","metadata":{"name":"orders"},"spec":{"newer":12345678901234567}}`, nil,
			`{"apiVersion":"dbtether.io/v1alpha1","kind":"Database","metadata":{"name":"orders","namespace":"shop"},"spec":{"newer":12345678901234567}}`, "jane", "CREATE databases shop orders"},
		{"a database that exists", `{"apiVersion":"dbtether.io/v1alpha1","kind":"Database","metadata":{"name":"orders","namespace":"team-b"}}`, func(m *review.Manifest) { m.Exists = true },
			`{"apiVersion":"dbtether.io/v1alpha1","kind":"Database","metadata":{"name":"orders","namespace":"team-b"}}`, "jane", "UPDATE databases team-b orders"},
		{"a cluster", `{"apiVersion":"dbtether.io/v1alpha1","kind":"DBCluster","metadata":{"name":"main"}}`, nil,
			`{"apiVersion":"dbtether.io/v1alpha1","kind":"DBCluster","metadata":{"name":"main"}}`, "jane", "CREATE dbclusters  main"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := review.Manifest{Object: []byte(c.object), Namespace: "shop", User: jane}
			if c.change != nil {
				c.change(&m)
			}
			r, err := m.Request()
			if err != nil {
				t.Fatal(err)
			}
			if what := strings.Join([]string{r.Operation, r.Resource.Resource, r.Namespace, r.Name}, " "); what != c.what || r.User.Username != c.user {
				t.Errorf("got %s by %s", what, r.User.Username)
			}
			if string(r.Object) != c.want {
				t.Errorf("got  %s\nwant %s", r.Object, c.want)
			}
		})
	}
}

func TestManifestRefuses(t *testing.T) {
	for _, c := range []struct{ object, want string }{
		{`kind: Pod`, "decode object: invalid character 'k'"},
		{`{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"}}`, "no policy is about a Service of v1"},
		{`{"apiVersion":"dbtether.io/v1","kind":"Database"}`, "no policy is about a Database of dbtether.io/v1"},
		{`{"apiVersion":"v1","kind":"Pod"}`, "the pod has no spec"},
		{`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{}}`, `Deployment "web": it has no field template`},
		{`{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"web"},"spec":{"template":{}}}`, `CronJob "web": it has no field jobTemplate`},
	} {
		if _, err := (review.Manifest{Object: []byte(c.object)}).Request(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.object, err)
		}
	}
	if review.Judges("v1", "Service") || !review.Judges("batch/v1", "CronJob") || !review.Judges("v1", "Pod") || !review.Judges("dbtether.io/v1alpha1", "Database") || review.Judges("v1", "Database") {
		t.Error("it does not know which kinds are judged")
	}
}
