// Package inject turns a pod and the bindings it asks for into a JSON Patch
// (RFC 6902). It is pure: no I/O, no clock, no randomness.
//
//	ask, problems := inject.Parse(annotations)
//	pod, err := inject.Decode(raw)
//	patch, err := pod.Patch(ask, bindings)
//
// The operations are written by hand and are only those that are meant: a diff of
// typed objects would remove every field that the vendored types do not know.
// Nothing that the pod has is overwritten; only the annotation dbtether.io/injected,
// which is ours, is replaced. Patching a patched pod again does nothing, and a
// container that another webhook has added since is completed alone.
//
// A container gets references, never values: variables by secretKeyRef, and files
// in a projected volume after the Service Binding specification for Kubernetes,
// section "Workload Projection". Variables are appended, because a position in the
// middle would move what others refer to by index; so $(PGHOST) in a variable of
// the pod itself is not expanded by Kubernetes, which knows earlier variables only.
package inject
