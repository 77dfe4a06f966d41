package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Manifest is an object that somebody means to write.
type Manifest struct {
	// Object is JSON.
	Object []byte
	// Namespace is where the object goes if it does not say so itself.
	Namespace string
	// User is who writes it. The pods of a workload are created by a controller, unless As
	// says that User stands for that, too.
	User User
	As   bool
	// Exists says that there is such an object, which is changed.
	Exists bool
}

// Request returns the request that the API server would have answered when the manifest
// is written; of a workload, the one for the pod that it would create. It adds what the
// API server adds to a pod before it asks: the namespace and the service account. Of our
// own kinds the defaults of the schema are the caller's. The error is a kind that no
// entry judges, or an object that cannot be read. It does no I/O.
func (m Manifest) Request() (*Request, error) {
	var object map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(m.Object, &object); err != nil {
		return nil, fmt.Errorf("decode object: %w", err)
	}
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	user := m.User
	for _, w := range workloads() {
		if w.apiVersion == apiVersion && w.kind == kind {
			pod, err := w.pod(object)
			if err != nil {
				return nil, fmt.Errorf("%s %q: %w", kind, nameOf(object), err)
			}
			if !m.As {
				user = w.creator()
			}
			return m.podRequest(pod, user)
		}
	}
	if apiVersion == "v1" && kind == "Pod" {
		return m.podRequest(object, user)
	}
	return m.resourceRequest(object, apiVersion, kind)
}

// Template returns the request that the entry templates.dbtether.io answers when a workload
// is written; nil for other objects. The error is an object that cannot be read.
func (m Manifest) Template() (*Request, error) {
	var object map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(m.Object, &object); err != nil {
		return nil, fmt.Errorf("decode object: %w", err)
	}
	for _, w := range workloads() {
		if object["apiVersion"] != w.apiVersion || object["kind"] != w.kind {
			continue
		}
		resource := w.resource()
		r := &Request{Kind: GroupVersionKind{resource.Group, resource.Version, w.kind}, Resource: resource,
			Operation: Create, Namespace: m.place(object), Name: nameOf(object), User: m.User}
		var err error
		r.Object, err = json.Marshal(object)
		return r, err
	}
	return nil, nil
}

// Judges reports whether Request knows the kind of an object.
func Judges(apiVersion, kind string) bool {
	_, ours := resources()[kind]
	return apiVersion == v1alpha1.GroupVersion.String() && ours || apiVersion == "v1" && kind == "Pod" ||
		slices.ContainsFunc(workloads(), func(w workloadKind) bool { return w.apiVersion == apiVersion && w.kind == kind })
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
	r := &Request{Kind: GroupVersionKind{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, kind},
		Resource:  GroupVersionResource{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, resource},
		Operation: Create, Namespace: namespace, Name: nameOf(object), User: m.User}
	if m.Exists {
		r.Operation = Update
	}
	var err error
	r.Object, err = json.Marshal(object)
	return r, err
}

func (m Manifest) podRequest(pod map[string]any, user User) (*Request, error) {
	spec, ok := pod["spec"].(map[string]any)
	if !ok {
		return nil, errors.New("the pod has no spec")
	}
	if name, _ := spec["serviceAccountName"].(string); name == "" {
		spec["serviceAccountName"] = "default"
	}
	r := &Request{Kind: GroupVersionKind{Version: "v1", Kind: "Pod"}, Resource: GroupVersionResource{Version: "v1", Resource: "pods"},
		Operation: Create, Namespace: m.place(pod), Name: nameOf(pod), User: user}
	var err error
	r.Object, err = json.Marshal(pod)
	return r, err
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

// workloadKind is a kind with a template of pods.
type workloadKind struct {
	apiVersion, kind string
	// template is where the template is.
	template []string
	// controller is the service account that creates the pods.
	controller string
}

func workloads() []workloadKind {
	spec := []string{"spec", "template"}
	return []workloadKind{
		{"apps/v1", "Deployment", spec, "replicaset-controller"},
		{"apps/v1", "ReplicaSet", spec, "replicaset-controller"},
		{"apps/v1", "StatefulSet", spec, "statefulset-controller"},
		{"apps/v1", "DaemonSet", spec, "daemon-set-controller"},
		{"batch/v1", "Job", spec, "job-controller"},
		{"batch/v1", "CronJob", []string{"spec", "jobTemplate", "spec", "template"}, "job-controller"},
		{"v1", "ReplicationController", spec, "replication-controller"},
	}
}

// resource is how the kind stands in URLs.
func (w workloadKind) resource() GroupVersionResource {
	group, version, found := strings.Cut(w.apiVersion, "/")
	if !found {
		group, version = "", w.apiVersion
	}
	return GroupVersionResource{group, version, strings.ToLower(w.kind) + "s"}
}

// creator is who creates the pods of a workload.
func (w workloadKind) creator() User {
	return User{Username: "system:serviceaccount:kube-system:" + w.controller,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}}
}

// Creator returns who creates the pods of a workload: what controls it by now is the
// request of a controller; false for kinds that are none of ours to know.
func Creator(apiVersion, kind string) (User, bool) {
	for _, w := range workloads() {
		if w.apiVersion == apiVersion && w.kind == kind {
			return w.creator(), true
		}
	}
	return User{}, false
}

// pod returns the pod that a workload would create.
func (w workloadKind) pod(workload map[string]any) (map[string]any, error) {
	template := workload
	for _, field := range w.template {
		next, ok := template[field].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("it has no field %s of the template of its pods", field)
		}
		template = next
	}
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": template["spec"]}
	meta := metadataOf(template)
	pod["metadata"] = meta
	delete(meta, "name") // of a template it means nothing
	meta["generateName"] = nameOf(workload) + "-"
	delete(meta, "namespace")
	if namespace, ok := metadataOf(workload)["namespace"]; ok {
		meta["namespace"] = namespace
	}
	return pod, nil
}
