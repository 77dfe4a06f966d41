package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// installInterval is how long an installation waits before it looks again, and
// definitionsTimeout how long the API server may take to serve the definitions.
const (
	installInterval    = 500 * time.Millisecond
	definitionsTimeout = time.Minute
)

// probeNamespace is where a Database is tried, but never stored, to see whether the
// webhook answers: the webhook looks at no resource in its own namespace.
const probeNamespace = metav1.NamespaceDefault

// until calls look until it returns nil, or the timeout is over; then it returns the last
// error of look. It looks at least once.
func until(ctx context.Context, timeout time.Duration, look func(context.Context) error) error {
	deadline := time.Now().Add(timeout)
	for {
		err := look(ctx)
		if err == nil || !time.Now().Add(installInterval).Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(installInterval):
		}
	}
}

// awaitDefinitions waits until the API server serves our resources.
func (w *installing) awaitDefinitions(ctx context.Context) error {
	w.progress.step("waiting for the API server to take the definitions …")
	for _, object := range w.ofKind("CustomResourceDefinition") {
		err := until(ctx, definitionsTimeout, func(ctx context.Context) error {
			standing, err := w.env.standing(ctx, object)
			if err != nil {
				return err
			}
			if status, _ := condition(standing, "Established"); status != metav1.ConditionTrue {
				return fmt.Errorf("%s is not established", install.Title(object))
			}
			return nil
		})
		if err != nil {
			return Hinted(err, "kubectl describe crd %s says why", object.GetName())
		}
	}
	return nil
}

// condition returns the status and the message of a condition of an object; both are empty
// where the object is nil or does not have it.
func condition(object *unstructured.Unstructured, name string) (status metav1.ConditionStatus, message string) {
	if object == nil {
		return "", ""
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if fields, ok := c.(map[string]any); ok && fields["type"] == name {
			text, _, _ := unstructured.NestedString(fields, "status")
			message, _, _ = unstructured.NestedString(fields, "message")
			return metav1.ConditionStatus(text), message
		}
	}
	return "", ""
}

// await waits until the replicas of the webhook are ready, the webhook configurations have
// its certificate authority, and the API server has reached it. fresh is what applyInert
// returned: an unreachable webhook is then passed over without an error.
func (w *installing) await(ctx context.Context, p install.Parameters, fresh bool, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for _, l := range []struct {
		what  string
		needs bool
		look  func(context.Context) error
	}{
		{"cert-manager", p.Certificate == install.CertificateCertManager, w.issued},
		{"the webhook's pods", p.WebhookURL == "", w.rolledOut},
		{"the webhook's certificate", true, w.trusted},
		{"the API server to reach the webhook", true, func(ctx context.Context) error { return w.probe(ctx, fresh) }},
	} {
		if !l.needs {
			continue
		}
		w.progress.step("waiting for %s …", l.what)
		if err := until(ctx, time.Until(deadline), w.telling(l.what, l.look)); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long nothing is said of what is waited for where there is no progress line.
const patience = 10 * time.Second

// telling returns look, which says in the progress line what is missing; where there is no
// such line it says it when patience is over, and again when something else is missing, with
// patience in between.
func (w *installing) telling(what string, look func(context.Context) error) func(context.Context) error {
	last, told := w.env.Now(), ""
	return func(ctx context.Context) error {
		err := look(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		missing := err.Error()
		w.progress.step("waiting for %s: %s", what, strings.ReplaceAll(missing, "\n", "; "))
		if now := w.env.Now(); !w.progress.shown && missing != told && now.Sub(last) >= patience {
			last, told = now, missing
			w.env.note("waiting for %s: %s", what, missing)
		}
		return err
	}
}

// issued returns an error while cert-manager has not issued a certificate, with what it
// says about that. The webhook's pods do not start without it.
func (w *installing) issued(ctx context.Context) error {
	for _, object := range w.ofKind("Certificate") {
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return err
		}
		switch status, message := condition(standing, "Ready"); status {
		case metav1.ConditionTrue:
		case "":
			return fmt.Errorf("%s: cert-manager has not looked at it: does its controller run?", install.Title(object))
		default:
			return fmt.Errorf("%s is not issued: %s", install.Title(object), message)
		}
	}
	return nil
}

// trusted returns an error while a webhook configuration has no certificate authority.
func (w *installing) trusted(ctx context.Context) error {
	for _, object := range w.objects {
		if install.Inert(object) == nil {
			continue
		}
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return err
		}
		if standing == nil || !install.Trusted(standing) {
			return fmt.Errorf("%s has no certificate authority yet, which the webhook, or cert-manager, writes there", install.Title(object))
		}
	}
	return nil
}

// probe tries, without storing it, a Database on a cluster that does not exist: the
// webhook warns of that, or refuses it. Where nothing is said and the configurations
// would have passed over an unreachable webhook, it counts as not reached.
func (w *installing) probe(ctx context.Context, fresh bool) error {
	warnings := &collectedWarnings{}
	config, err := w.env.RESTConfig()
	if err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.WarningHandler = warnings
	kube, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDatabase,
		"metadata": map[string]any{"generateName": "dbtether-install-"},
		"spec":     map[string]any{"clusterRef": map[string]any{"name": "dbtether-install"}},
	}}
	_, err = kube.Resource(v1alpha1.Databases).Namespace(probeNamespace).Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return answered(err, warnings.any(), fresh)
}

// answered reads from the answer to a probe whether the webhook was reached.
func answered(err error, warned, fresh bool) error {
	denied := err != nil && strings.Contains(err.Error(), `admission webhook "resources.dbtether.io" denied`)
	switch {
	case denied && !apierrors.IsInternalError(err):
		return nil
	case denied: // it knows too little, or has read no policies yet
		return fmt.Errorf("the webhook is reached, and cannot decide: %w", err)
	case err != nil && apierrors.IsInternalError(err):
		return fmt.Errorf("the API server does not reach the webhook: %w", err)
	case err != nil:
		return fmt.Errorf("try whether the webhook answers: %w", err)
	case !warned && fresh:
		return errors.New("the API server does not reach the webhook: see whether a firewall or a NetworkPolicy lets it connect to port 9443 of its pods")
	}
	return nil
}

// collectedWarnings takes the API server's warnings in place of the user's terminal.
type collectedWarnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (c *collectedWarnings) HandleWarningHeader(_ int, _ string, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

func (c *collectedWarnings) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.texts) > 0
}
