package plugin

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// identity returns who the API server says the caller is, asked once.
func (e *Environment) identity(ctx context.Context) (review.User, error) {
	e.caller.mu.Lock()
	defer e.caller.mu.Unlock()
	if e.caller.user.Username != "" {
		return e.caller.user, nil
	}
	user, err := e.whoami(ctx)
	if err == nil {
		e.caller.user = user
	}
	return user, err
}

// whoami returns the caller's name and groups from a SelfSubjectReview
// (authentication.k8s.io/v1), which every user may ask for.
func (e *Environment) whoami(ctx context.Context) (review.User, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return review.User{}, err
	}
	gvk := schema.GroupVersionKind{Group: "authentication.k8s.io", Version: "v1", Kind: "SelfSubjectReview"}
	asked := &unstructured.Unstructured{}
	asked.SetGroupVersionKind(gvk)
	answer, err := kube.Resource(gvk.GroupVersion().WithResource("selfsubjectreviews")).Create(ctx, asked, metav1.CreateOptions{})
	if err != nil {
		return review.User{}, err
	}
	name, _, err := unstructured.NestedString(answer.Object, "status", "userInfo", "username")
	if err != nil {
		return review.User{}, err
	}
	groups, _, err := unstructured.NestedStringSlice(answer.Object, "status", "userInfo", "groups")
	return review.User{Username: name, Groups: groups}, err
}

// caller is who the API server says we are; its name is empty until it was asked.
type caller struct {
	mu   sync.Mutex
	user review.User
}
