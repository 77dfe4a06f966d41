// Package manifests holds the Kubernetes manifests of this project, embedded, so
// that the plugin can install what it was built with. crd/ and rbac/ are written
// by `make generate`; nobody edits them by hand. It does no I/O.
package manifests

import "embed"

// FS holds crd/*.yaml, one CustomResourceDefinition in each file, rbac/*.yaml, one
// ClusterRole in each file, webhook/*.yaml, the webhook configurations and what the
// webhook may do, and policies/*.yaml, one ValidatingAdmissionPolicy and its binding
// in each file.
//
//go:embed crd/*.yaml rbac/*.yaml webhook/*.yaml policies/*.yaml
var FS embed.FS
