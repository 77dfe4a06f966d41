// Package v1alpha1 holds the types of dbtether.io/v1alpha1, the keys of our
// labels and annotations, and the names derived from a resource. It does no I/O
// and imports nothing else of this project.
//
// +kubebuilder:object:generate=true
// +groupName=dbtether.io
package v1alpha1
