package review_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

func newReviewer(tb testing.TB) review.Reviewer {
	tb.Helper()
	reviewer, err := review.NewReviewer(context.Background(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return reviewer
}

func namedIn(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u"}
}

func newCluster(name string, allowed ...string) *v1alpha1.DBCluster {
	return &v1alpha1.DBCluster{ObjectMeta: namedIn("", name), Spec: v1alpha1.DBClusterSpec{AllowedNamespaces: allowed}}
}

func newDatabase(namespace, name, cluster string) *v1alpha1.Database {
	return &v1alpha1.Database{ObjectMeta: namedIn(namespace, name), Spec: v1alpha1.DatabaseSpec{ClusterRef: v1alpha1.ClusterReference{Name: cluster}}}
}

func newUser(namespace string, refs ...v1alpha1.DatabaseAccess) *v1alpha1.DatabaseUser {
	return &v1alpha1.DatabaseUser{ObjectMeta: namedIn(namespace, "report"), Spec: v1alpha1.DatabaseUserSpec{DatabaseRefs: refs}}
}

// shared are two namespaces that share orders, of shop on main, and a cluster for
// nobody.
func shared() *review.Objects {
	facts := &review.Objects{}
	facts.SetNamespace(&metav1.ObjectMeta{Name: "team-b"})
	facts.SetNamespace(&metav1.ObjectMeta{Name: "shop", Annotations: map[string]string{v1alpha1.AnnotationAllowUsersFrom: "team-b"}})
	facts.SetCluster(newCluster("main", "shop", "team-b"))
	facts.SetCluster(newCluster("shut", "nobody"))
	facts.SetDatabase(newDatabase("shop", "orders", "main"))
	facts.SetDatabase(newDatabase("team-b", "own", "main"))
	facts.SetDatabase(newDatabase("team-b", "astray", "nowhere"))
	return facts
}

var runner = review.User{Username: "system:serviceaccount:dbtether-system:runner", Groups: []string{"system:serviceaccounts"}}

func TestAuthorize(t *testing.T) {
	reviewer := newReviewer(t)
	orders := v1alpha1.DatabaseAccess{Name: "orders", Namespace: "shop"}
	own := v1alpha1.DatabaseAccess{Name: "own"}
	with := func(ref v1alpha1.DatabaseAccess, privileges v1alpha1.Privileges) v1alpha1.DatabaseAccess {
		ref.Privileges = privileges
		return ref
	}
	single := newUser("team-b")
	single.Spec.DatabaseRef = &orders
	dying := newUser("team-b", with(orders, v1alpha1.Admin))
	dying.DeletionTimestamp = &metav1.Time{}
	fresh := newDatabase("team-b", "new", "main")
	fresh.UID = ""
	for _, c := range []struct {
		name   string
		object metav1.Object
		codes  []string
	}{
		{"a database", newDatabase("team-b", "new", "main"), nil},
		{"a database that is to be created", fresh, nil},
		{"a database on a cluster for others", newDatabase("team-b", "new", "shut"), []string{"CLUSTER-NOT-ALLOWED"}},
		{"a database on no cluster", newDatabase("team-b", "new", "none"), []string{"CLUSTER-UNKNOWN"}},
		{"a user of a shared database", single, nil},
		{"a user of two", newUser("team-b", with(own, v1alpha1.Admin), with(orders, v1alpha1.ReadWrite)), nil},
		{"an administrator of a shared database", newUser("team-b", with(own, v1alpha1.Admin), with(orders, v1alpha1.Admin)), []string{"ADMIN-NOT-SHARED"}},
		{"the same while it is deleted", dying, []string{"ADMIN-NOT-SHARED"}},
		{"a user of a database that is not shared", newUser("shop", orders, v1alpha1.DatabaseAccess{Name: "own", Namespace: "team-b"}), []string{"DATABASE-NOT-SHARED"}},
		{"a user of a database of another namespace that is not there", newUser("shop", v1alpha1.DatabaseAccess{Name: "x", Namespace: "team-b"}), []string{"DATABASE-NOT-SHARED"}},
		{"a user of a database that is not there", newUser("team-b", v1alpha1.DatabaseAccess{Name: "x"}, own), []string{"DATABASE-UNKNOWN"}},
		{"a user of a database on no cluster", newUser("team-b", v1alpha1.DatabaseAccess{Name: "astray"}), []string{"CLUSTER-UNKNOWN"}},
		{"a user of nothing", newUser("team-b"), []string{"OBJECT-INVALID"}},
		{"in a namespace that is not there", newDatabase("team-c", "new", "main"), []string{"NOT-DECIDED"}},
		{"in no namespace", newDatabase("", "new", "main"), []string{"POLICY-ERROR"}},
		{"a cluster", newCluster("main"), []string{"NOT-DECIDED"}},
		{"nothing", nil, []string{"NOT-DECIDED"}},
		{"nothing of a kind", (*v1alpha1.DatabaseUser)(nil), []string{"NOT-DECIDED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := reviewer.Authorize(t.Context(), runner, c.object, shared())
			if codes := codesOf(got); !reflect.DeepEqual(codes, c.codes) || got.Allowed != (c.codes == nil) {
				t.Errorf("got %+v", got)
			}
			if !got.Allowed && (got.Message == "" || got.Code < 400) {
				t.Errorf("denied without a word: %+v", got)
			}
		})
	}
}

func codesOf(outcome review.Outcome) (codes []string) {
	for _, finding := range outcome.Findings {
		codes = append(codes, finding.Code)
	}
	return codes
}

// What is missing, or takes too long, is a denial.
func TestAuthorizeFailsClosed(t *testing.T) {
	reviewer := newReviewer(t)
	object := newDatabase("team-b", "new", "main")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name     string
		reviewer review.Reviewer
		ctx      context.Context
		facts    review.Facts
		code     string
	}{
		{"no policies", review.Reviewer{}, t.Context(), shared(), "NOT-DECIDED"},
		{"no clock", review.Reviewer{Policies: reviewer.Policies}, t.Context(), shared(), "NOT-DECIDED"},
		{"no facts", reviewer, t.Context(), nil, "NOT-DECIDED"},
		{"empty facts", reviewer, t.Context(), &review.Objects{}, "NOT-DECIDED"},
		{"facts that failed", reviewer, t.Context(), failing{shared()}, "NOT-DECIDED"},
		{"no time", reviewer, over, shared(), "POLICY-ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.reviewer.Authorize(c.ctx, runner, object, c.facts)
			if got.Allowed || got.Code != 500 || !reflect.DeepEqual(codesOf(got), []string{c.code}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// failing facts are not complete, and look as if they were.
type failing struct{ *review.Objects }

func (failing) Err() error { return errors.New("the API server did not answer") }

// The webhook and a plan get the same answer to the same question.
func TestAuthorizeIsResources(t *testing.T) {
	reviewer := newReviewer(t)
	for _, privileges := range []string{"readonly", "admin"} {
		request := &review.Request{Kind: review.GroupVersionKind{Group: "dbtether.io", Version: "v1alpha1", Kind: v1alpha1.KindDatabaseUser},
			Resource:  review.GroupVersionResource{Group: "dbtether.io", Version: "v1alpha1", Resource: "databaseusers"},
			Operation: review.Update, Namespace: "team-b", Name: "report", User: runner,
			Object: []byte(`{"metadata":{"name":"report","namespace":"team-b"},"spec":{"databaseRefs":[{"name":"own"},{"name":"orders","namespace":"shop","privileges":"` + privileges + `"}]}}`)}
		asked := reviewer.Resources(t.Context(), request, shared())
		planned := reviewer.Authorize(t.Context(), runner, newUser("team-b", v1alpha1.DatabaseAccess{Name: "own"},
			v1alpha1.DatabaseAccess{Name: "orders", Namespace: "shop", Privileges: v1alpha1.Privileges(privileges)}), shared())
		if !reflect.DeepEqual(asked, planned) || asked.Allowed != (privileges == "readonly") {
			t.Errorf("the webhook says %+v, a plan gets %+v", asked, planned)
		}
	}
}

// A review whose facts could not be had is not decided as if nothing were there.
func TestFactsThatFailed(t *testing.T) {
	reviewer := newReviewer(t)
	c := readCase(t, "testdata/enforce/injected.txtar")
	request, err := review.Decode(c.review)
	if err != nil {
		t.Fatal(err)
	}
	if got := reviewer.Enforce(t.Context(), request, failing{c.facts}); got.Allowed || got.Code != 500 {
		t.Errorf("enforce: %+v", got)
	}
	c = readCase(t, "testdata/resources/cluster-unknown.txtar")
	if request, err = review.Decode(c.review); err != nil {
		t.Fatal(err)
	}
	if got := reviewer.Resources(t.Context(), request, failing{c.facts}); got.Allowed || got.Code != 500 {
		t.Errorf("resources: %+v", got)
	}
}

func BenchmarkNewReviewer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newReviewer(b)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	reviewer, facts := newReviewer(b), shared()
	user := newUser("team-b", v1alpha1.DatabaseAccess{Name: "own"}, v1alpha1.DatabaseAccess{Name: "orders", Namespace: "shop"})
	b.ReportAllocs()
	for b.Loop() {
		if got := reviewer.Authorize(b.Context(), runner, user, facts); !got.Allowed {
			b.Fatal(got)
		}
	}
}
