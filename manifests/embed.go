// Package manifests holds the Kubernetes manifests of this project, embedded, so
// that the plugin can install what it was built with. crd/ and rbac/ are written
// by `make generate`; nobody edits them by hand. It does no I/O.
package manifests

import "embed"

// FS holds crd/*.yaml, one CustomResourceDefinition in each file, and
// rbac/*.yaml, one ClusterRole in each file.
//
//go:embed crd/*.yaml rbac/*.yaml
var FS embed.FS
