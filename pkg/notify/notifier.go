package notify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// atOnce is how many changes are told at a time.
	atOnce = 8
	// defaultLimit bounds all requests to receivers of one call of Tell.
	defaultLimit = 10 * time.Second
)

// Notifier tells others about changes of Secrets. It reads the configuration of a namespace
// once and keeps it, so each run and each command has its own Notifier. It is safe for
// concurrent use.
type Notifier struct {
	// Secrets is where configurations are read; nil: no receiver is told.
	Secrets corev1client.SecretsGetter
	// Events is where Events are written; nil: nowhere.
	Events corev1client.EventsGetter
	// Component is the program, Instance which one of several.
	Component, Instance string
	Now                 func() time.Time
	// Random spreads the waits between attempts, normally crypto/rand.Reader.
	Random io.Reader
	// Sleep waits for that long or until ctx ends, and then returns its error; nil: by a
	// timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Transport reaches the receivers. A copy of it is used, with TLS 1.2 as the least version
	// and the certificates of the configuration. nil: directly, or by the environment's proxy.
	Transport *http.Transport
	// Limit bounds the requests to receivers of one call of Tell, together; 0: ten seconds.
	Limit time.Duration

	mu   sync.Mutex
	read map[string]*reading
}

// reading is the configuration of a namespace, read once.
type reading struct {
	once     sync.Once
	receiver *receiver
	failed   *Error
}

// Tell tells about changes, several at a time and in no order: first as Events, each within
// five seconds, then to the receivers, all within the limit. What could not be told is
// returned, one *Error for each namespace and stage; nil: everything was told.
func (n *Notifier) Tell(ctx context.Context, changes ...Change) []error {
	var all []*Error
	if n.Events != nil {
		all = each(changes, func(c Change) *Error { return n.event(ctx, c) })
	}
	if n.Secrets != nil {
		deadline := n.Now().Add(n.limit())
		within, cancel := context.WithTimeoutCause(ctx, n.limit(), fmt.Errorf("the %s that there are for it are over", n.limit()))
		defer cancel()
		all = append(all, each(changes, func(c Change) *Error { return n.send(within, c, deadline) })...)
	}
	return merge(all)
}

// each returns what do returns for each change, in their order.
func each(changes []Change, do func(Change) *Error) []*Error {
	results := make([]*Error, len(changes))
	places := make(chan struct{}, atOnce)
	var workers sync.WaitGroup
	for i, change := range changes {
		places <- struct{}{}
		workers.Go(func() {
			defer func() { <-places }()
			results[i] = do(change)
		})
	}
	workers.Wait()
	return results
}

// event writes the Event of a change.
func (n *Notifier) event(ctx context.Context, c Change) *Error {
	recorder := Recorder{Events: n.Events, Component: n.Component, Instance: n.Instance, Now: n.Now}
	err := recorder.Write(ctx, Event{
		About: corev1.ObjectReference{APIVersion: "v1", Kind: "Secret", Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion},
		Type:  c.eventType(), Reason: c.eventReason(), Message: c.message(), Mark: c.id(),
	})
	if err != nil {
		return &Error{Stage: StageEvent, Namespace: c.Namespace, Names: []string{c.Name}, Err: err}
	}
	return nil
}

// send sends a change to the receiver of its namespace, if there is one.
func (n *Notifier) send(ctx context.Context, c Change, deadline time.Time) *Error {
	r, failed := n.receiver(ctx, c.Namespace)
	if r == nil {
		return failed
	}
	body, err := c.cloudEvent(n.Now())
	if err == nil {
		err = n.deliver(ctx, r, message{id: c.id(), body: body}, deadline)
	}
	if err != nil {
		return &Error{Stage: StageDelivery, Namespace: c.Namespace, Names: []string{c.Name}, Receiver: r.origin, Err: err}
	}
	return nil
}

func (n *Notifier) limit() time.Duration {
	if n.Limit > 0 {
		return n.Limit
	}
	return defaultLimit
}
