package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// pooled bounds the sessions of an administrator, each cluster for itself: more
// databases are not created any faster.
const pooled = 4

// pools keeps the sessions of administrators open between the jobs of a run.
type pools struct {
	mu  sync.Mutex
	all map[string]*pool
}

type pool struct {
	*postgres.Pool
	endpoint postgres.Endpoint
}

// dial returns a session of the cluster's administrator in its maintenance database.
func (p *Provisioner) dial(ctx context.Context, cluster *v1alpha1.DBCluster) (*postgres.Server, postgres.Endpoint, error) {
	found, err := p.pool(ctx, cluster)
	if err != nil {
		return nil, postgres.Endpoint{}, err
	}
	p.progress("connecting to cluster %s", cluster.Name)
	server, err := found.Get(ctx)
	var refused *postgres.ConnectError
	switch {
	case errors.Is(err, postgres.ErrPoolClosed): // by somebody else since it was found, or because its credential was refused
		p.pools.drop(found)
		return p.dial(ctx, cluster)
	case errors.As(err, &refused): // the next one reads the credential and the certificate again
		p.pools.drop(found)
	}
	return server, found.endpoint, err
}

// pool returns the pool of a cluster as its spec is now, and makes it if there is none.
func (p *Provisioner) pool(ctx context.Context, cluster *v1alpha1.DBCluster) (*pool, error) {
	name := fmt.Sprintf("%s/%d", cluster.UID, cluster.Generation)
	p.pools.mu.Lock()
	defer p.pools.mu.Unlock()
	if found := p.pools.all[name]; found != nil {
		return found, nil
	}
	endpoint, err := p.Endpoint(ctx, cluster)
	if err != nil {
		return nil, err
	}
	login, err := p.AdminLogin(ctx, cluster)
	if err != nil {
		return nil, err
	}
	made := &pool{Pool: postgres.NewPool(endpoint, login, cluster.Spec.AdminDatabase, pooled), endpoint: endpoint}
	if p.pools.all == nil {
		p.pools.all = map[string]*pool{}
	}
	p.pools.all[name] = made
	return made, nil
}

// drop ends a pool, and lets the next run make another one.
func (p *pools) drop(found *pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.all, func(_ string, one *pool) bool { return one == found })
	found.Close()
}

// close ends all pools; those who have a session keep it until they give it back.
func (p *pools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		one.Close()
	}
	p.all = nil
}

// service returns the Service that a host name means, as DNS inside a cluster has it
// (Kubernetes documentation, "DNS for Services and Pods").
func service(host string) (namespace, name string, ok bool) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(labels) < 3 || labels[2] != "svc" {
		return "", "", false
	}
	return labels[1], labels[0], true
}

// through returns how to reach an endpoint that only resolves inside the cluster, nil
// where it can be dialled as it is.
func (p *Provisioner) through(cluster *v1alpha1.DBCluster) func(context.Context, string, string) (net.Conn, error) {
	namespace, name, inside := service(cluster.Spec.Endpoint)
	if !inside || p.Direct || p.Forward == nil {
		return nil
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return p.Forward(ctx, namespace, name, cluster.Spec.Port)
	}
}
