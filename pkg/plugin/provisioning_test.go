package plugin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// What is suggested works as it stands: for a database of another namespace, and with a
// Secret for each database.
func TestNext(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "shop", Name: name} }
	refs := []v1alpha1.DatabaseAccess{{Name: "invoices", Namespace: "billing"}, {Name: "orders"}}
	sync := &v1alpha1.DatabaseUser{ObjectMeta: meta("sync"), Spec: v1alpha1.DatabaseUserSpec{DatabaseRefs: refs}}
	each := &v1alpha1.DatabaseUser{ObjectMeta: meta("each"), Spec: v1alpha1.DatabaseUserSpec{DatabaseRefs: refs, SecretGeneration: v1alpha1.SecretPerDatabase}}
	for _, c := range []struct {
		request provision.Request
		want    string
	}{
		{provision.Request{Database: &v1alpha1.Database{ObjectMeta: meta("orders")}}, "\nNext:  kubectl dbtether db psql orders\n"},
		{provision.Request{Users: []*v1alpha1.DatabaseUser{sync}}, "\nNext:  kubectl dbtether db psql invoices -n billing --user shop/sync\n" +
			"       kubectl get secret sync-credentials\n"},
		{provision.Request{Users: []*v1alpha1.DatabaseUser{each}}, "\nNext:  kubectl dbtether db psql invoices -n billing --user shop/each\n" +
			"       kubectl get secret each-invoices-credentials\n       kubectl get secret each-orders-credentials\n"},
	} {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		if next(NewEnvironment(streams, "v0"), &c.request); errOut.String() != c.want {
			t.Errorf("got %q, want %q", errOut, c.want)
		}
	}
}
