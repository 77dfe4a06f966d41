package promises

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/manifests"
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
	config, err := clientcmd.BuildConfigFromFlags("", testenv.SharedControlPlane(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
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
	e.define(t)
	return e
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// define installs the resource definitions, as other packages' tests may have done.
func (e *environment) define(t *testing.T) {
	t.Helper()
	files, err := fs.Glob(manifests.FS, "crd/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(manifests.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		definition := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &definition.Object); err != nil {
			t.Fatal(err)
		}
		if _, err := e.objects.Resource(definitions).Create(t.Context(), definition, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		e.waitEstablished(t, definition.GetName())
	}
}

func (e *environment) waitEstablished(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		definition, err := e.objects.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if isTrue(definition, "Established") {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is not established", name)
		case <-time.After(50 * time.Millisecond):
		}
	}
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
