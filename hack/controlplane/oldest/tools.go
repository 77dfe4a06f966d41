//go:build tools

// Package oldest pins the API server and kubectl of the oldest Kubernetes that is
// supported, for the tests of what differs between versions.
package oldest

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
