package provision

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// namespaceAge is how long what was read of a namespace is taken for true.
const namespaceAge = 10 * time.Second

// namespaces keeps the metadata of namespaces for the many resources of a bulk run.
type namespaces struct {
	mu  sync.Mutex
	all map[string]readNamespace
}

type readNamespace struct {
	meta *metav1.ObjectMeta
	at   time.Time
}

// forget lets the next get read a namespace again.
func (n *namespaces) forget(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, name)
}

// get returns a namespace's metadata.
func (n *namespaces) get(ctx context.Context, p *Provisioner, name string) (*metav1.ObjectMeta, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found, known := n.all[name]; known && p.Now().Sub(found.at) < namespaceAge {
		return found.meta, nil
	}
	object, err := p.Kube.Resource(namespaceResource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get namespace %q: %w", name, err)
	}
	meta := &metav1.ObjectMeta{Name: name, Labels: object.GetLabels(), Annotations: object.GetAnnotations()}
	if n.all == nil {
		n.all = map[string]readNamespace{}
	}
	n.all[name] = readNamespace{meta, p.Now()}
	return meta, nil
}
