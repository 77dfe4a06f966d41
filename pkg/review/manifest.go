package review

import (
	"encoding/json"
	"errors"
	"fmt"

	kjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Manifest is an object that somebody means to write.
type Manifest struct {
	// Object is JSON.
	Object []byte
	// Namespace is where the object goes if it does not say so itself.
	Namespace string
	// User is who writes it. The pods of a workload are created by a controller, unless As is
	// set: then User creates them, too.
	User User
	As   bool
	// Exists says that the object is there already, and is changed.
	Exists bool
}

// Request returns the request that the API server would send to the webhook when the
// manifest is written; for a workload, the one for the pod that it would create. It adds
// what the API server adds to a pod before it asks: the namespace and the service account.
// For our own kinds it is the caller who adds the defaults of the schema. The error is a kind
// that no entry judges, or an object that cannot be read. It does no I/O.
func (m Manifest) Request() (*Request, error) {
	object, apiVersion, kind, err := m.decode()
	if err != nil {
		return nil, err
	}
	if w, ok := findWorkload(apiVersion, kind); ok {
		pod, err := w.pod(object)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", kind, nameOf(object), err)
		}
		if m.As {
			return m.podRequest(pod, m.User)
		}
		return m.podRequest(pod, w.creator())
	}
	if apiVersion == "v1" && kind == "Pod" {
		return m.podRequest(object, m.User)
	}
	return m.resourceRequest(object, apiVersion, kind)
}

// Template returns the request that the entry templates.dbtether.io answers when a workload
// is written; nil for other objects. The error is an object that cannot be read.
func (m Manifest) Template() (*Request, error) {
	object, apiVersion, kind, err := m.decode()
	if err != nil {
		return nil, err
	}
	w, ok := findWorkload(apiVersion, kind)
	if !ok {
		return nil, nil
	}
	resource := w.resource()
	return encoded(Request{Kind: GroupVersionKind{resource.Group, resource.Version, kind}, Resource: resource,
		Operation: Create, Namespace: m.place(object), Name: nameOf(object), User: m.User}, object)
}

func (m Manifest) decode() (object map[string]any, apiVersion, kind string, err error) {
	if err := kjson.UnmarshalCaseSensitivePreserveInts(m.Object, &object); err != nil {
		return nil, "", "", fmt.Errorf("decode object: %w", err)
	}
	apiVersion, _ = object["apiVersion"].(string)
	kind, _ = object["kind"].(string)
	return object, apiVersion, kind, nil
}

// encoded returns the request with its object.
func encoded(r Request, object map[string]any) (*Request, error) {
	var err error
	r.Object, err = json.Marshal(object)
	return &r, err
}

// Judges reports whether Request knows the kind of an object.
func Judges(apiVersion, kind string) bool {
	if apiVersion == "v1" && kind == "Pod" {
		return true
	}
	_, workload := findWorkload(apiVersion, kind)
	_, ours := resources()[kind]
	return workload || ours && apiVersion == v1alpha1.GroupVersion.String()
}

// resources are our own kinds and their names in URLs.
func resources() map[string]string {
	return map[string]string{
		v1alpha1.KindDBCluster:    v1alpha1.DBClusters.Resource,
		v1alpha1.KindDatabase:     v1alpha1.Databases.Resource,
		v1alpha1.KindDatabaseUser: v1alpha1.DatabaseUsers.Resource,
	}
}

func (m Manifest) resourceRequest(object map[string]any, apiVersion, kind string) (*Request, error) {
	resource, ok := resources()[kind]
	if !ok || apiVersion != v1alpha1.GroupVersion.String() {
		return nil, fmt.Errorf("no policy is about a %s of %s", kind, apiVersion)
	}
	namespace := ""
	if kind != v1alpha1.KindDBCluster {
		namespace = m.place(object)
	}
	operation := Create
	if m.Exists {
		operation = Update
	}
	return encoded(Request{Kind: GroupVersionKind{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, kind},
		Resource:  GroupVersionResource{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, resource},
		Operation: operation, Namespace: namespace, Name: nameOf(object), User: m.User}, object)
}

func (m Manifest) podRequest(pod map[string]any, user User) (*Request, error) {
	spec, ok := pod["spec"].(map[string]any)
	if !ok {
		return nil, errors.New("the pod has no spec")
	}
	if name, _ := spec["serviceAccountName"].(string); name == "" {
		spec["serviceAccountName"] = "default"
	}
	return encoded(Request{Kind: GroupVersionKind{Version: "v1", Kind: "Pod"}, Resource: GroupVersionResource{Version: "v1", Resource: "pods"},
		Operation: Create, Namespace: m.place(pod), Name: nameOf(pod), User: user}, pod)
}

// place sets the namespace of an object that has none, and returns it.
func (m Manifest) place(object map[string]any) string {
	meta := metadataOf(object)
	namespace, _ := meta["namespace"].(string)
	if namespace == "" {
		namespace = m.Namespace
		meta["namespace"] = namespace
	}
	return namespace
}

// metadataOf returns the metadata of an object, which it gets if it has none.
func metadataOf(object map[string]any) map[string]any {
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	return meta
}

func nameOf(object map[string]any) string {
	name, _ := metadataOf(object)["name"].(string)
	return name
}
