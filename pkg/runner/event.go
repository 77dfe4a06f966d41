package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// reasonProvisioned is the reason of an Event about what has changed; that of a failure is
// its provision.Why.
const reasonProvisioned = "Provisioned"

// events writes results as Events of the resources: what has changed, and each failure once,
// however often it is tried again. Results of managed Secrets go to the receivers of their
// namespaces, too.
type events struct {
	recorder notify.Recorder // without its Events, none are written
	notifier func() *notify.Notifier

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

// tellSecret tells the result of a managed Secret: a failure as an Event.
func (e *events) tellSecret(ctx context.Context, k key, result provision.Result) error {
	reason, level, said := failureOf(result)
	switch {
	case !e.isNews(k, result, said):
		return nil
	case result.Err != nil:
		return e.write(ctx, corev1.ObjectReference{APIVersion: "v1", Kind: k.kind, Namespace: k.namespace, Name: k.name, UID: result.UID}, reason, level, said)
	}
	change, told := NewChange(result)
	if !told {
		return nil
	}
	return errors.Join(e.notifier().Tell(context.WithoutCancel(ctx), change)...)
}

// NewChange returns the change that others are told of for the result of a managed Secret, and
// false where there is none: its values may be used as before. It does no I/O.
func NewChange(result provision.Result) (notify.Change, bool) {
	change := notify.Change{Namespace: result.Namespace, Name: result.Name, UID: result.UID, Revision: result.Revision,
		Author: result.Author, Reason: result.Reason, Changed: result.Keys, ExpiresAt: result.ExpiredAt}
	switch result.Action {
	case provision.ActionRotated:
		change.Kind = notify.Rotated
	case provision.ActionExpired:
		change.Kind = notify.Expired
	default:
		return change, false
	}
	return change, true
}

// failureOf returns what the Event of a failure says.
func failureOf(result provision.Result) (reason, level, said string) {
	said = result.Error
	if result.Hint != "" {
		said += " (" + result.Hint + ")"
	}
	return string(provision.WhyOf(result.Err)), corev1.EventTypeWarning, said
}

// write writes an Event about an object, also when ctx is canceled: what has been done is told
// although the runner is about to end.
func (e *events) write(ctx context.Context, about corev1.ObjectReference, reason, level, said string) error {
	if e.recorder.Events == nil {
		return nil
	}
	return e.recorder.Write(context.WithoutCancel(ctx), notify.Event{About: about, Type: level, Reason: reason, Message: said})
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
