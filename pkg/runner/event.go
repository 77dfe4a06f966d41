package runner

import (
	"context"
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

// events tells results as Events of the resources: what has changed, and each failure
// once, however often it is tried again.
type events struct {
	recorder notify.Recorder // without a client: nothing is told

	mu   sync.Mutex
	told map[key]string
}

// tell writes the Event of a result, if it is worth one.
func (e *events) tell(ctx context.Context, k key, result provision.Result, object *unstructured.Unstructured) error {
	if e.recorder.Events == nil || object == nil {
		return nil
	}
	reason, level, said := reasonProvisioned, corev1.EventTypeNormal, fmt.Sprintf("%d statements", result.Statements)
	if len(result.Restarted) > 0 {
		said += ", restarted " + strings.Join(result.Restarted, ", ")
	}
	if result.Err != nil {
		reason, level, said = string(provision.WhyOf(result.Err)), corev1.EventTypeWarning, result.Error
		if result.Hint != "" {
			said += " (" + result.Hint + ")"
		}
	}
	if !e.isNews(k, result, said) {
		return nil
	}
	// What has been done is told also when the runner is about to end.
	return e.recorder.Write(context.WithoutCancel(ctx), notify.Event{
		About: corev1.ObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: k.kind, Namespace: k.namespace, Name: k.name,
			UID: object.GetUID(), ResourceVersion: object.GetResourceVersion()},
		Type: level, Reason: reason, Message: said,
	})
}

// isNews reports whether a result is worth an Event, and remembers it.
func (e *events) isNews(k key, result provision.Result, text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if result.Err == nil {
		delete(e.told, k)
		return result.Action == provision.ActionProvisioned
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
