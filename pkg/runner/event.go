package runner

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// The API server takes no longer message of an Event.
const maxEventMessage = 1024

// eventTimeout bounds one write.
const eventTimeout = 5 * time.Second

// The reasons of Events about what has changed; that of a failure is its provision.Why.
const (
	reasonProvisioned = "Provisioned"
	reasonRotated     = "Rotated"
	reasonExpired     = "Expired"
)

// events tells results as Events of the resources: what has changed, and each failure
// once, however often it is tried again.
type events struct {
	client   corev1client.EventsGetter // nil: nothing is told
	instance string
	now      func() time.Time

	mu   sync.Mutex
	told map[key]string
}

// tell writes the Event of a result, if it is worth one.
func (e *events) tell(ctx context.Context, k key, result provision.Result, object *unstructured.Unstructured) error {
	if object == nil {
		return nil
	}
	reason, level, said := reasonProvisioned, corev1.EventTypeNormal, fmt.Sprintf("%d statements", result.Statements)
	if len(result.Restarted) > 0 {
		said += ", restarted " + strings.Join(result.Restarted, ", ")
	}
	if result.Err != nil {
		reason, level, said = failureOf(result)
	}
	if !e.isNews(k, result, said) {
		return nil
	}
	return e.write(ctx, corev1.ObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: k.kind, Namespace: k.namespace, Name: k.name,
		UID: object.GetUID(), ResourceVersion: object.GetResourceVersion()}, reason, level, said)
}

// tellSecret writes the Event of a result about a managed Secret.
func (e *events) tellSecret(ctx context.Context, k key, result provision.Result) error {
	var reason, level, said string
	switch {
	case result.Err != nil:
		reason, level, said = failureOf(result)
	case result.Action == provision.ActionRotated:
		reason, level, said = reasonRotated, corev1.EventTypeNormal, fmt.Sprintf("revision %d: new values for %s", result.Revision, strings.Join(result.Keys, ", "))
	case result.Action == provision.ActionExpired:
		reason, level, said = reasonExpired, corev1.EventTypeWarning, strings.Join(result.Warnings, ", ")
	}
	if !e.isNews(k, result, said) {
		return nil
	}
	return e.write(ctx, corev1.ObjectReference{APIVersion: "v1", Kind: k.kind, Namespace: k.namespace, Name: k.name, UID: result.UID}, reason, level, said)
}

// failureOf returns what the Event of a failure says.
func failureOf(result provision.Result) (reason, level, said string) {
	said = result.Error
	if result.Hint != "" {
		said += " (" + result.Hint + ")"
	}
	return string(provision.WhyOf(result.Err)), corev1.EventTypeWarning, said
}

// write writes an Event about an object.
func (e *events) write(ctx context.Context, about corev1.ObjectReference, reason, level, said string) error {
	if e.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	now := e.now()
	at := metav1.NewTime(now)
	_, err := e.client.Events(about.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", about.Name, now.UnixNano()), Namespace: about.Namespace},
		InvolvedObject: about,
		Reason:         reason, Message: words.Shorten(said, maxEventMessage), Type: level,
		Source: corev1.EventSource{Component: leaseName, Host: e.instance}, ReportingController: leaseName, ReportingInstance: e.instance,
		FirstTimestamp: at, LastTimestamp: at, Count: 1,
	}, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil
	}
	return err
}

// isNews reports whether a result is worth an Event, and remembers it.
func (e *events) isNews(k key, result provision.Result, text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if result.Err == nil {
		delete(e.told, k)
		return result.Action == provision.ActionProvisioned || result.Action == provision.ActionRotated || result.Action == provision.ActionExpired
	}
	if e.told[k] == text {
		return false
	}
	if e.told == nil {
		e.told = map[key]string{}
	}
	e.told[k] = text
	return true
}

// forget drops what is remembered of a resource that is gone.
func (e *events) forget(k key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.told, k)
}
