//go:build tools

// Package controlplane pins the Kubernetes control plane that the tests run
// against: one go.mod, so that the API server, etcd and kubectl build from the
// module proxy alone, with checksums.
package controlplane

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
