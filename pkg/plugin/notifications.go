package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// component is the name that Events give for this program.
const component = "kubectl-dbtether"

// inform announces changes of Secrets that have been written: as Events, and to the
// receivers that the namespaces configure. An interrupt does not keep it from that, as it
// undoes no change; notify bounds how long it may take. What could not be announced is a
// warning on stderr, except that the caller may not write Events.
func (e *Environment) inform(ctx context.Context, changes ...notify.Change) {
	if len(changes) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	core, err := e.core()
	if err != nil {
		e.warn("nobody was told: %s", explain(err).cause)
		return
	}
	n := &notify.Notifier{Secrets: core, Events: core, Component: component, Now: e.Now, Random: e.Random}
	var failed []error
	if len(changes) > manyChanges {
		n.Events = nil
		failed = append(failed, e.record(ctx, core, changes))
	}
	for _, err := range append(failed, n.Tell(ctx, changes...)...) {
		if err == nil || notify.IsEventForbidden(err) {
			continue
		}
		said := explain(err)
		if said.hint != "" {
			said.cause += " (" + said.hint + ")"
		}
		e.warn("%s", said.cause)
	}
}

// manyChanges is how many changes get an Event each. More get one Event together, because
// the API server keeps Events for an hour and hundreds of them would hide all others.
const manyChanges = 20

// record writes one Event, about the namespace, for many changes of its Secrets.
func (e *Environment) record(ctx context.Context, events corev1client.EventsGetter, changes []notify.Change) error {
	first, names := changes[0], make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	recorder := notify.Recorder{Events: events, Component: component, Now: e.Now}
	err := recorder.Write(ctx, notify.Event{
		About: corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Namespace: first.Namespace, Name: first.Namespace},
		Type:  corev1.EventTypeNormal, Reason: "SecretsChanged",
		Message: fmt.Sprintf("%s changed %d Secrets: %s", first.Author, len(changes), strings.Join(names, ", ")),
	})
	if err != nil {
		return &notify.Error{Stage: notify.StageEvent, Namespace: first.Namespace, Names: names, Err: err}
	}
	return nil
}

// newChange returns the change that a write made, and whether there is one to announce:
// not where nothing was written.
func newChange(kind notify.Kind, edit revision.Edit, w revision.Written) (notify.Change, bool) {
	told := w.Wrote && !edit.DryRun && (!w.Changes.Empty() || w.Created)
	return notify.Change{Kind: kind, Namespace: edit.Namespace, Name: edit.Name, UID: w.UID, ResourceVersion: w.ResourceVersion, Revision: w.Revision.Number,
		Author: w.Revision.Author, Reason: w.Revision.Reason, Added: w.Changes.Added, Changed: w.Changes.Changed, Removed: w.Changes.Removed}, told
}

// newDeletion returns the change that a deletion made.
func newDeletion(name string, r revision.Removed) notify.Change {
	change := notify.Change{Kind: notify.Deleted, Namespace: r.Standing.Namespace, Name: name, Revision: r.Revision.Number, Author: r.Revision.Author,
		Reason: r.Revision.Reason}
	if live := r.Standing.Live; live != nil {
		change.UID, change.ResourceVersion, change.Removed = live.UID(), live.ResourceVersion, live.Data.Keys()
	}
	return change
}

// rotationReadTimeout bounds the reading of the Secrets that a rotation has written.
const rotationReadTimeout = 10 * time.Second

// informOfRotation announces that Secrets, named NAMESPACE/NAME, hold a new password. A
// Secret that the caller may not read is left out. As inform, it goes on after an interrupt.
func (e *Environment) informOfRotation(ctx context.Context, secrets []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rotationReadTimeout)
	defer cancel()
	var changes []notify.Change
	for _, written := range secrets {
		namespace, name, _ := strings.Cut(written, "/")
		s := &sight{env: e, namespace: namespace}
		l, err := s.secret(ctx, name)
		if err != nil || l.uid == "" {
			continue
		}
		changes = append(changes, notify.Change{Kind: notify.Rotated, Namespace: namespace, Name: name, UID: l.uid, Revision: l.revision,
			Author: l.author, Reason: l.reason, Changed: []string{"password"}})
	}
	e.inform(ctx, changes...)
}
