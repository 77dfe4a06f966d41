package notify_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

func TestEvents(t *testing.T) {
	f := newFixture(t)
	object := f.secret("api", map[string]string{"TOKEN": "x"})
	changes := make([]notify.Change, 4)
	for i, kind := range []notify.Kind{notify.Changed, notify.Rotated, notify.Deleted, notify.Expired} {
		changes[i] = f.change()
		changes[i].Kind, changes[i].UID, changes[i].ResourceVersion = kind, object.UID, object.ResourceVersion
	}
	changes[3].ExpiresAt = f.clock.Now()
	if errs := f.notifier().Tell(f.Context(), changes...); errs != nil {
		t.Fatal(errs)
	}
	got := map[string]corev1.Event{}
	for _, event := range f.events("api") {
		got[event.Reason] = event
	}
	for _, reason := range []string{"SecretChanged", "SecretRotated", "SecretDeleted", "SecretExpired"} {
		event, there := got[reason]
		level, message := corev1.EventTypeNormal, "revision 7 by jane; reason: new provider; added TOKEN; changed URL"
		if reason == "SecretExpired" {
			level, message = corev1.EventTypeWarning, "expired at "+f.clock.Now().UTC().Format("2006-01-02T15:04:05Z")+"; "+message
		}
		if !there || event.Type != level || event.Message != message {
			t.Errorf("%s: %s %q", reason, event.Type, event.Message)
		}
		if event.InvolvedObject.UID != object.UID || event.InvolvedObject.APIVersion != "v1" || event.InvolvedObject.ResourceVersion != object.ResourceVersion ||
			event.Source.Component != "dbtether-test" || event.ReportingInstance != "one" || !event.LastTimestamp.Time.Equal(f.clock.Now()) {
			t.Errorf("%+v", event)
		}
	}

	// Told again, it is no other Event, and no error.
	if errs := f.notifier().Tell(f.Context(), changes...); errs != nil || len(f.events("api")) != 4 {
		t.Errorf("%d Events: %v", len(f.events("api")), errs)
	}
}

// The API server takes what is told of the longest name and the most keys.
func TestLongEvent(t *testing.T) {
	f := newFixture(t)
	c := f.change()
	c.Name = strings.Repeat("a.", 126) + "a"
	for range 300 {
		c.Removed = append(c.Removed, strings.Repeat("K", 253))
	}
	c.Reason = "\xff\n" + strings.Repeat("because ", 1000)
	if errs := f.notifier().Tell(f.Context(), c); errs != nil {
		t.Fatal(errs)
	}
	events := f.events(c.Name)
	if len(events) != 1 || len(events[0].Name) > 253 || len(events[0].Message) > 1024 || !strings.Contains(events[0].Message, "added TOKEN; changed URL; removed KKK") {
		t.Errorf("%+v", events)
	}
}

// A namespace that is going takes no Events, and one that is gone has no configuration:
// nobody is left to be told.
func TestNamespaceEnds(t *testing.T) {
	f := newFixture(t)
	// No controller of this API server finishes the deletion.
	if err := f.kube.CoreV1().Namespaces().Delete(f.Context(), f.namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	gone := f.change()
	gone.Namespace = f.namespace + "-gone"
	if errs := f.notifier().Tell(f.Context(), f.change(), gone); errs != nil {
		t.Error(errs)
	}
	if n := f.asked.count("/events"); n != 2 {
		t.Errorf("%d attempts to write an Event", n)
	}
}

// Without the one or the other, the rest is told.
func TestParts(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	notifier := f.notifier()
	notifier.Events = nil
	if errs := notifier.Tell(f.Context(), f.change()); errs != nil || len(f.events("api")) != 0 || len(receiver.requests(t)) != 1 {
		t.Errorf("%d Events, %d requests: %v", len(f.events("api")), len(receiver.requests(t)), errs)
	}
	notifier = f.notifier()
	notifier.Secrets = nil
	if errs := notifier.Tell(f.Context(), f.change()); errs != nil || len(f.events("api")) != 1 || len(receiver.requests(t)) != 1 {
		t.Errorf("%d Events, %d requests: %v", len(f.events("api")), len(receiver.requests(t)), errs)
	}
	if errs := f.notifier().Tell(f.Context()); errs != nil {
		t.Error(errs)
	}
}
