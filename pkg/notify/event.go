package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

const (
	// maxEventMessage is the longest message of an Event that the API server takes
	// (events.k8s.io/v1, field note).
	maxEventMessage = 1024
	// maxObjectName is the length of the name of an object.
	maxObjectName = 253
	// eventTimeout bounds one write.
	eventTimeout = 5 * time.Second
)

// Recorder writes Events.
type Recorder struct {
	Events corev1client.EventsGetter
	// Component is the program, Instance which one of several.
	Component, Instance string
	Now                 func() time.Time
}

// Event is what is told about an object.
type Event struct {
	About corev1.ObjectReference
	// Type is Normal or Warning.
	Type string
	// Reason is one word in camel case; Message is cut to what the API server takes.
	Reason, Message string
	// Mark is the end of the Event's name: a second Event about the object with the same mark is
	// not written. Empty: the time.
	Mark string
}

// Write writes an Event into the object's namespace, within five seconds. It is no error that
// the namespace is being deleted or is gone, nor that an Event with the mark is there.
func (r Recorder) Write(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	now := r.Now()
	mark, at := e.Mark, metav1.NewTime(now)
	if mark == "" {
		mark = fmt.Sprintf("%x", now.UnixNano())
	}
	_, err := r.Events.Events(e.About.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: eventName(e.About.Name, mark), Namespace: e.About.Namespace},
		InvolvedObject: e.About, Reason: e.Reason, Message: words.Shorten(e.Message, maxEventMessage), Type: e.Type,
		Source: corev1.EventSource{Component: r.Component, Host: r.Instance}, ReportingController: r.Component, ReportingInstance: r.Instance,
		FirstTimestamp: at, LastTimestamp: at, Count: 1,
	}, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err):
		return nil
	case e.Mark != "" && apierrors.IsAlreadyExists(err):
		return nil
	default:
		return err
	}
}

// eventName returns a name that begins with the object's, as that of other Events does.
func eventName(object, mark string) string {
	if most := maxObjectName - len(mark) - 1; len(object) > most {
		object = strings.TrimRight(object[:most], ".-")
	}
	return object + "." + mark
}
