package revision_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// TestSurvey checks what is seen of managed Secrets, and that nothing is of others.
func TestSurvey(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Data: data("a=1")})
	one, two := f.target("one", "uid-1"), f.target("two", "uid-2")
	f.write(one, data("a=1"))
	f.write(one, data("a=2"))
	f.write(two, data("a=1"))
	want := map[types.NamespacedName]revision.Seen{
		{Namespace: f.namespace, Name: "one"}: {ResourceVersion: f.read(one).Live.ResourceVersion, Revision: 2, OwnerUID: "uid-1"},
		{Namespace: f.namespace, Name: "two"}: {ResourceVersion: f.read(two).Live.ResourceVersion, Revision: 1, OwnerUID: "uid-2"},
	}
	seen, err := f.store.Survey(context.Background(), f.namespace)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	f.patch("one", `{"data":{"a":"eA=="}}`)
	again, err := f.store.Survey(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, before := range want {
		if changed := again[name].ResourceVersion != before.ResourceVersion; changed != (name.Name == "one") {
			t.Errorf("%s: %+v after %+v", name, again[name], before)
		}
	}
}

// TestSurveyReadsPages checks that more than one answer of the API server is read.
func TestSurveyReadsPages(t *testing.T) {
	const secrets = 501
	f := newFixture(t)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < secrets; i += 8 {
				object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("s%d", i), Labels: map[string]string{v1alpha1.LabelManaged: "true"}}}
				if _, err := f.core.Secrets(f.namespace).Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen, err := f.store.Survey(context.Background(), f.namespace)
	if err != nil || len(seen) != secrets {
		t.Errorf("%d of %d, %v", len(seen), secrets, err)
	}
	if asked := f.writes.metadata; len(asked) != 2 || asked[0].Get("limit") != "500" || asked[1].Get("continue") == "" {
		t.Errorf("asked for %v", asked)
	}
}

func TestSurveyNeedsAClient(t *testing.T) {
	if _, err := (revision.Store{}).Survey(context.Background(), ""); err == nil || err.Error() != "list managed secrets: there is no metadata client" {
		t.Errorf("got %v", err)
	}
}
