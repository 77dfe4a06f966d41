package plugin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// live is what the metadata of a Secret, and those of its revision, say. No value is read.
type live struct {
	name string
	// seen says that the metadata could be read, or that there is no such Secret.
	seen     bool
	managed  bool
	uid      types.UID
	revision int64
	// changed is when its content became that of the revision; zero: that is not known.
	changed        time.Time
	author, reason string
}

// secret reads the metadata of a Secret of the namespace, and those of its revision. What may
// not be read is noted and left out.
func (s *sight) secret(ctx context.Context, name string) (live, error) {
	l := live{name: name}
	object, err := readSecretMetadata(ctx, s.env, s.namespace, name)
	switch {
	case s.noteForbidden(err):
		return l, nil
	case apierrors.IsNotFound(err):
		l.seen = true
		return l, nil
	case err != nil:
		return l, err
	}
	l.seen, l.managed, l.uid = true, object.GetLabels()[v1alpha1.LabelManaged] == "true", object.GetUID()
	l.revision, _ = strconv.ParseInt(object.GetAnnotations()[v1alpha1.AnnotationRevision], 10, 64)
	if l.revision == 0 {
		return l, nil
	}
	written, err := readSecretMetadata(ctx, s.env, s.namespace, fmt.Sprintf("%s.v%d", name, l.revision))
	switch {
	case s.noteForbidden(err), apierrors.IsNotFound(err):
		return l, nil
	case err != nil:
		return l, err
	}
	l.changed = written.GetCreationTimestamp().Time
	l.author, l.reason = written.GetAnnotations()[v1alpha1.AnnotationAuthor], written.GetAnnotations()[v1alpha1.AnnotationReason]
	return l, nil
}

// readSecretMetadata returns a Secret without what it holds.
func readSecretMetadata(ctx context.Context, env *Environment, namespace, name string) (*unstructured.Unstructured, error) {
	client, err := env.metadataOnly()
	if err != nil {
		return nil, err
	}
	found, err := client.Resource(secretKind.resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(found)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(secretKind.kind))
	return object, nil
}
