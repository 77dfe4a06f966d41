package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// Provisioner holds what provisioning needs from outside.
type Provisioner struct {
	Kube    dynamic.Interface
	Secrets corev1client.SecretsGetter
	// Metadata lists Secrets without their values, for quick runs.
	Metadata metadata.Interface
	// Author returns the name that the API server knows the caller by.
	Author func(context.Context) (string, error)
	Now    func() time.Time
	// Random is the source of passwords and salts, normally crypto/rand.Reader.
	Random io.Reader
	// Identity returns the caller's name and groups, as the API server knows them.
	Identity func(context.Context) (review.User, error)
	// Runner is whether nobody watches: only what the DBCluster admits is adopted.
	Runner bool
	// AdminSecretNamespaces are the namespaces in which administrators' credentials are
	// read; nil: in any. A DBCluster that names another one is refused.
	AdminSecretNamespaces []string
	// Direct is whether endpoints inside the cluster can be dialled directly; otherwise
	// Forward, if it is set, leads to them.
	Direct bool
	// Forward connects to a port of a Service, through the API server.
	Forward func(ctx context.Context, namespace, service string, port int32) (net.Conn, error)
	// LookupEnv reads the variables that DBClusters with credentialsFromEnv name.
	LookupEnv func(string) (string, bool)
	// Progress is told what is being done, in a few words; it may be nil.
	Progress func(string)

	policies   policies
	namespaces namespaces
	pools      pools
}

// Close ends the connections to PostgreSQL that nobody uses now, and the others when
// they are given back. Who goes on opens new ones.
func (p *Provisioner) Close() { p.pools.close() }

// PoliciesChanged lets the next run read the policies again.
func (p *Provisioner) PoliciesChanged() { p.policies.forget() }

// NamespaceChanged lets the next run read a namespace again.
func (p *Provisioner) NamespaceChanged(name string) { p.namespaces.forget(name) }

func (p *Provisioner) progress(format string, args ...any) {
	if p.Progress != nil {
		p.Progress(fmt.Sprintf(format, args...))
	}
}

func (p *Provisioner) revisions() revision.Store {
	return revision.Store{Secrets: p.Secrets, Metadata: p.Metadata}
}

// Error is a failure with what to do about it.
type Error struct {
	Cause error
	Fix   string
}

// Error implements error.
func (e *Error) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Fix }

// hintOf returns what an error says to do about it; "" if it says nothing.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// failed returns an *Error.
func failed(fix, format string, args ...any) error {
	return &Error{Cause: fmt.Errorf(format, args...), Fix: fix}
}
