package promises

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// environment is the API server that all sites share.
type environment struct {
	objects  dynamic.Interface
	core     corev1client.CoreV1Interface
	metadata metadata.Interface
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	server := testenv.SharedControlPlane(t)
	config, err := server.Config()
	if err != nil {
		t.Fatal(err)
	}
	e := &environment{}
	if e.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if e.core, err = corev1client.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if e.metadata, err = metadata.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if err := server.Apply("crd/*.yaml"); err != nil {
		t.Fatal(err)
	}
	return e
}

// isTrue reports whether a condition of an object is True.
func isTrue(object *unstructured.Unstructured, condition string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if one := c.(map[string]any); one["type"] == condition {
			return one["status"] == "True"
		}
	}
	return false
}
