package admission

import (
	"strings"
	"unique"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// The index keeps of each object what a review may ask for and no more: there are
// thousands, and what kubectl notes in annotations is often larger than what they say.

// keepNamespace keeps of a namespace what policies may look at.
func keepNamespace(object any) (any, error) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		keepMeta(&namespace.ObjectMeta)
		namespace.TypeMeta = metav1.TypeMeta{} // a lister's business
		namespace.UID = ""
	}
	return object, nil
}

func keepCluster(cluster *v1alpha1.DBCluster) {
	keepMeta(&cluster.ObjectMeta)
	cluster.Status.Message, cluster.Status.Conditions = "", nil
}

func keepDatabase(database *v1alpha1.Database) {
	keepMeta(&database.ObjectMeta)
	database.Spec.ClusterRef.Name = shared(database.Spec.ClusterRef.Name)
	// Nothing is decided by what became of a Database.
	database.Status = v1alpha1.DatabaseStatus{Phase: shared(database.Status.Phase), DatabaseName: database.Status.DatabaseName}
}

func keepUser(user *v1alpha1.DatabaseUser) {
	keepMeta(&user.ObjectMeta)
	status := &user.Status
	status.Phase, status.ClusterName, status.Fingerprint, status.Settings = shared(status.Phase), shared(status.ClusterName), "", nil
	var conditions []metav1.Condition
	if review.CredentialsReady(user) { // otherwise the API server is asked again, who has the rest
		conditions = []metav1.Condition{{Type: v1alpha1.ConditionCredentialsReady, Status: metav1.ConditionTrue}}
		status.Message = ""
	}
	status.Conditions = conditions
}

// keepMeta keeps what identifies an object, its labels and those annotations that are
// ours.
func keepMeta(object *metav1.ObjectMeta) {
	object.ManagedFields, object.OwnerReferences, object.Finalizers = nil, nil, nil
	object.Namespace = shared(object.Namespace)
	var labels, annotations map[string]string
	if len(object.Labels) > 0 {
		labels = make(map[string]string, len(object.Labels))
	}
	for key, value := range object.Labels {
		if value == object.Name {
			value = object.Name // kubernetes.io/metadata.name
		} else {
			value = shared(value)
		}
		labels[shared(key)] = value
	}
	for key, value := range object.Annotations {
		if strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") {
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[shared(key)] = value
		}
	}
	object.Labels, object.Annotations = labels, annotations
}

// shared returns an equal text that all objects have together.
func shared(text string) string { return unique.Make(text).Value() }

// kept turns what the API server sent into our type, as far as keep keeps it, once for
// each change rather than once for each review. What is our type already, or the note that
// an object is gone, stays as it is.
func kept[T any](keep func(*T)) cache.TransformFunc {
	return func(object any) (any, error) {
		if _, sent := object.(*unstructured.Unstructured); !sent {
			return object, nil
		}
		made, err := typed[T](object)
		if err == nil {
			keep(made.(*T))
		}
		return made, err
	}
}

// typed turns what the API server sent into our type. An object that is not of our schema
// keeps its name and loses the rest: an error would stop the whole informer. It admits
// nobody.
func typed[T any](object any) (any, error) {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	content.SetManagedFields(nil)
	result := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, result); err != nil {
		result = new(T)
		named, err := meta.Accessor(result)
		if err != nil {
			return nil, err
		}
		named.SetName(content.GetName())
		named.SetNamespace(content.GetNamespace())
		named.SetUID(content.GetUID())
		if cluster, ok := any(result).(*v1alpha1.DBCluster); ok {
			cluster.Spec.AllowedNamespaces = []string{} // none at all would admit everybody
		}
	}
	return result, nil
}
