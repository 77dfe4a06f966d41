package revision

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Content is a Secret with its values, to be copied or compared.
type Content struct {
	Namespace, Name string
	Type            corev1.SecretType
	// Labels are the labels that a copy gets.
	Labels   map[string]string
	Data     secret.Data
	Revision int64
	// Refused is why it is not copied: it belongs to something else. Nil if it is.
	Refused error
}

// Content reads one Secret with its values. The error is a *NotFoundError, or the API
// server's.
func (s Store) Content(ctx context.Context, namespace, name string) (Content, error) {
	live, err := s.live(ctx, namespace, name)
	if err != nil {
		return Content{}, err
	}
	if live == nil {
		standing, err := s.Stand(ctx, namespace, name)
		if err != nil {
			return Content{}, err
		}
		return Content{}, standing.Missing()
	}
	return newContent(live), nil
}

// Contents reads all Secrets of a namespace with their values, by name. Revisions, tokens
// and the releases of Helm are not among them.
func (s Store) Contents(ctx context.Context, namespace string) ([]Content, error) {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return s.Secrets.Secrets(namespace).List(ctx, options)
	})
	var all []Content
	options := metav1.ListOptions{LabelSelector: "!" + v1alpha1.LabelRevisionOf, FieldSelector: withoutForeign()}
	err := pages.EachListItem(ctx, options, func(item runtime.Object) error {
		object, ok := item.(*corev1.Secret)
		if !ok {
			return fmt.Errorf("the API server sent a %T", item)
		}
		all = append(all, newContent(newLive(object)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list secrets of namespace %q: %w", namespace, err)
	}
	return all, nil
}

func newContent(live *Live) Content {
	object := &live.object
	c := Content{Namespace: object.Namespace, Name: object.Name, Type: object.Type, Data: live.Data, Revision: live.Revision, Labels: map[string]string{}}
	for key, value := range object.Labels {
		if !isBoundToItsPlace(key) {
			c.Labels[key] = value
		}
	}
	c.Refused = (&Standing{Namespace: c.Namespace, Name: c.Name, Live: live}).Writable()
	return c
}

// isBoundToItsPlace reports whether a label says which program made the Secret where it is. On
// a copy it would be wrong, and that program might delete the copy.
func isBoundToItsPlace(label string) bool {
	prefix, _, _ := strings.Cut(label, "/")
	switch {
	case prefix == v1alpha1.GroupVersion.Group, prefix == "helm.sh", prefix == "argocd.argoproj.io" && strings.HasSuffix(label, "/instance"),
		strings.HasSuffix(prefix, "fluxcd.io"), label == "app.kubernetes.io/managed-by", label == "app.kubernetes.io/instance":
		return true
	}
	return false
}
