package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// awaitInterval is how often the command looks at a resource that the runner works on.
const awaitInterval = time.Second

// needsRunner reports whether err says that the caller may not do the work herself,
// but may write the resource for whoever may.
func needsRunner(err error) bool {
	var noAccess *provision.NoAccessError
	return errors.As(err, &noAccess)
}

// submit writes the resources of a request, and waits until the runner has
// provisioned them.
func (c *provisioning) submit(ctx context.Context, env *Environment, p *provision.Provisioner, progress *progress, request *provision.Request) error {
	type waiting struct {
		k               kind
		namespace, name string
	}
	var all []waiting
	if db := request.Database; db != nil {
		if db.UID == "" {
			if err := p.Create(ctx, db, false); err != nil {
				return err
			}
		}
		all = append(all, waiting{dbKind, db.Namespace, db.Name})
	}
	for i, user := range request.Users {
		if i == 0 && request.Edit != nil {
			if err := p.EditUser(ctx, user.Namespace, user.Name, request.Edit); err != nil {
				return err
			}
		}
		if user.UID == "" {
			if err := p.CreateUser(ctx, user, false); err != nil {
				return err
			}
		}
		all = append(all, waiting{userKind, user.Namespace, user.Name})
	}
	for _, w := range all {
		if !c.wait {
			env.note("%s %q is written; the runner provisions it", w.k.name, w.name)
			continue
		}
		progress.step("waiting for the runner to provision %s %s …", w.k.name, w.name)
		if err := env.await(ctx, w.k, w.namespace, w.name, c.timeout); err != nil {
			return err
		}
	}
	return nil
}

// await waits until somebody has provisioned a resource as it is now. The error is what
// its status says went wrong, or that nobody came before the deadline of ctx; timeout is
// how long that was.
func (e *Environment) await(ctx context.Context, k kind, namespace, name string, timeout time.Duration) error {
	return awaitRunner(ctx, namespace, func() (bool, error) {
		object, err := e.get(ctx, k, namespace, name)
		if err != nil {
			return false, err
		}
		return provisioned(object)
	}, func() error {
		return fmt.Errorf("%s %q is written, but nobody has provisioned it in %s", k.name, name, timeout)
	})
}

// awaitRunner looks every awaitInterval until look reports that the runner has done its
// work, or fails. At the deadline of ctx the error is late's, with exit code 8.
func awaitRunner(ctx context.Context, namespace string, look func() (done bool, err error), late func() error) error {
	ticker := time.NewTicker(awaitInterval)
	defer ticker.Stop()
	for {
		if done, err := look(); done || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return withExitCode(Hinted(late(), "a runner has to be at work, or whoever may read the administrator's credential has to run: kubectl dbtether reconcile -n %s", namespace), ExitWaiting)
		case <-ticker.C:
		}
	}
}

// provisioned reports whether a run has answered the resource as it is now, and the
// failure if it came to one. It is pure.
func provisioned(object *unstructured.Unstructured) (bool, error) {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	message, _, _ := unstructured.NestedString(object.Object, "status", "message")
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	answered, _, _ := unstructured.NestedString(object.Object, "status", "rotation", "request")
	waiting, _, _ := unstructured.NestedString(object.Object, "status", "rotation", "waitingRequest")
	asked := v1alpha1.RotationRequest(object.GetAnnotations())
	switch {
	case observed != object.GetGeneration():
		return false, nil
	case asked != "" && asked == waiting:
		return true, answer(object, message)
	case asked != "" && asked != answered: // what the status says is of a run before
		return false, nil
	case phase == v1alpha1.PhaseReady || phase == v1alpha1.PhaseExpired:
		return true, nil
	case phase == v1alpha1.PhaseFailed:
		return true, answer(object, message)
	default:
		return false, nil
	}
}

// answer returns the failure that a status tells of, with exit code 3 where a policy
// denied it.
func answer(object *unstructured.Unstructured, message string) error {
	err := errors.New(message)
	if !strings.Contains(message, strconv.Quote(object.GetName())) {
		err = fmt.Errorf("%s %q: %s", object.GetKind(), object.GetName(), message)
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if c, is := c.(map[string]any); is && c["type"] == v1alpha1.ConditionSynced && c["reason"] == v1alpha1.ReasonDenied {
			return withExitCode(err, ExitDenied)
		}
	}
	return err
}

// awaitGone waits until a resource that is being deleted is gone. At the deadline the
// error says what its status says.
func (e *Environment) awaitGone(ctx context.Context, k kind, namespace, name string, timeout time.Duration) error {
	client, err := e.client(k, namespace)
	if err != nil {
		return err
	}
	message := ""
	return awaitRunner(ctx, namespace, func() (bool, error) {
		object, err := client.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err == nil {
			message, _, _ = unstructured.NestedString(object.Object, "status", "message")
		}
		return false, err
	}, func() error {
		return fmt.Errorf("%s %q is being deleted, but nobody has finished that in %s: %s", k.name, name, timeout, orDefault(message, "no run has looked at it"))
	})
}
