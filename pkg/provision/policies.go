package provision

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

var configMapResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// policiesAge is how long the policies that were read are taken for those of the cluster.
const policiesAge = 10 * time.Second

// policies keeps those of the cluster, compiled.
type policies struct {
	mu       sync.Mutex
	reviewer review.Reviewer
	// unread is why the reviewer has the built-in policies alone; nil: it has all.
	unread error
	// err is why there is no reviewer: each resource of a bulk run need not find out anew.
	err error
	// versions identify the ConfigMaps that these were made from; at is when they were
	// read, zero: never.
	versions []string
	at       time.Time
	// stale is whether they were changed since.
	stale bool
}

// forget lets the next get read them again.
func (c *policies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
}

// get returns what judges by the built-in policies and by those of the cluster. A
// policy that cannot be loaded is an error: nothing is done without it.
//
// Who may not read them is judged by the built-in ones alone where she works for herself:
// she holds the administrator's password. Unread then says why. What works for others is
// not.
func (c *policies) get(ctx context.Context, p *Provisioner) (_ review.Reviewer, unread, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && !c.stale && p.Now().Sub(c.at) < policiesAge {
		return c.reviewer, c.unread, c.err
	}
	documents, versions, err := p.policyDocuments(ctx)
	if apierrors.IsForbidden(err) && !p.Runner {
		unread, err = err, nil
	}
	if err != nil {
		return review.Reviewer{}, nil, err
	}
	if c.at.IsZero() || c.err != nil || !slices.Equal(versions, c.versions) {
		reviewer, err := review.NewReviewer(ctx, documents)
		if ctx.Err() != nil { // its tests did not run to their end
			return review.Reviewer{}, nil, ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("policies of namespace %q: %w", v1alpha1.SystemNamespace, err)
		}
		c.reviewer, c.err = reviewer, err
	}
	c.versions, c.unread, c.at, c.stale = versions, unread, p.Now(), false
	return c.reviewer, c.unread, c.err
}

// policyDocuments reads the ConfigMaps that add to the policies, and what identifies
// their content.
func (p *Provisioner) policyDocuments(ctx context.Context) (documents []review.Document, versions []string, err error) {
	documents, err = PolicyDocuments(ctx, p.Kube, v1alpha1.SystemNamespace)
	switch {
	case apierrors.IsForbidden(err) && p.Runner:
		return nil, nil, &Error{Cause: fmt.Errorf("read the policies of namespace %q: %w", v1alpha1.SystemNamespace, err),
			Fix: "what works for others does not work without them; the Roles dbtether-runner and dbtether-provisioner of that namespace let it read them"}
	case err != nil:
		return nil, nil, fmt.Errorf("read the policies of namespace %q: %w", v1alpha1.SystemNamespace, err)
	}
	for _, d := range documents {
		versions = append(versions, string(d.UID)+"/"+d.ResourceVersion)
	}
	slices.Sort(versions)
	return documents, versions, nil
}

// PolicyDocuments reads the ConfigMaps of a namespace that add to the policies. The
// error is that of the API.
func PolicyDocuments(ctx context.Context, kube dynamic.Interface, namespace string) ([]review.Document, error) {
	list, err := kube.Resource(configMapResource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: review.LabelPolicy})
	if err != nil {
		return nil, err
	}
	documents := make([]review.Document, len(list.Items))
	for i := range list.Items {
		documents[i] = PolicyDocument(&list.Items[i])
	}
	return documents, nil
}

// PolicyDocument returns what a ConfigMap adds to the policies.
func PolicyDocument(object *unstructured.Unstructured) review.Document {
	data, _, _ := unstructured.NestedStringMap(object.Object, "data")
	return review.Document{Data: data, ObjectMeta: metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: object.GetName(), UID: object.GetUID(),
		ResourceVersion: object.GetResourceVersion(), Labels: object.GetLabels(), CreationTimestamp: object.GetCreationTimestamp()}}
}
