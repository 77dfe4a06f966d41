package review

import (
	"fmt"
	"strings"
)

// workloadKind is a kind of object with a template of pods.
type workloadKind struct {
	apiVersion, kind string
	// template is the path of the fields that lead to the template.
	template []string
	// controller is the service account, in kube-system, that creates the pods.
	controller string
}

// workloads are the kinds whose templates are judged: those of the entry
// templates.dbtether.io.
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

// findWorkload returns the kind of a workload; false for a kind that is none.
func findWorkload(apiVersion, kind string) (workloadKind, bool) {
	for _, w := range workloads() {
		if w.apiVersion == apiVersion && w.kind == kind {
			return w, true
		}
	}
	return workloadKind{}, false
}

// resource returns the name of the kind in URLs.
func (w workloadKind) resource() GroupVersionResource {
	group, version, found := strings.Cut(w.apiVersion, "/")
	if !found {
		group, version = "", w.apiVersion
	}
	return GroupVersionResource{group, version, strings.ToLower(w.kind) + "s"}
}

// creator returns the user who creates the pods of a workload.
func (w workloadKind) creator() User {
	return User{Username: "system:serviceaccount:kube-system:" + w.controller,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}}
}

// Creator returns the user who creates the pods of a workload. It is false for a kind that is
// no workload.
func Creator(apiVersion, kind string) (User, bool) {
	w, ok := findWorkload(apiVersion, kind)
	if !ok {
		return User{}, false
	}
	return w.creator(), true
}

// pod returns the pod that a workload would create, as the API server is asked for it. It
// changes the workload, whose parts the pod shares.
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
