package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// sight is what could be seen of a namespace. It is what the policies are asked with, and
// what is not in it is said at the end of an explanation.
type sight struct {
	review.Objects
	env       *Environment
	namespace string
	// notSeen says, a line each, what may not be looked at.
	notSeen []string
	// usersSeen says that a DatabaseUser that is not known does not exist.
	usersSeen bool
	// blind is why nothing can be decided.
	blind error
}

// Err implements review.Facts.
func (s *sight) Err() error { return s.blind }

// noteForbidden reports whether an error says that something may not be looked at, and then
// notes what. Any other error is the caller's to return.
func (s *sight) noteForbidden(err error) bool {
	if !apierrors.IsForbidden(err) {
		return false
	}
	said := refusal(err)
	if !slices.Contains(s.notSeen, said) {
		s.notSeen = append(s.notSeen, said)
	}
	return true
}

// refusal is what the API server says of a request that it forbids.
func refusal(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return explainStatus(status.Status()).cause
	}
	return err.Error()
}

// users reads the DatabaseUsers of the namespace.
func (s *sight) users(ctx context.Context) error {
	_, err := newGathering(s.env, &s.Objects).users(ctx, s.namespace)
	if s.noteForbidden(err) {
		s.blind = errors.New("the DatabaseUsers may not be read")
		return nil
	}
	s.usersSeen = err == nil
	return err
}

// place reads the namespace, and its DatabaseUsers.
func (s *sight) place(ctx context.Context) error {
	if err := s.labels(ctx); err != nil {
		return err
	}
	return s.users(ctx)
}

// labels reads the namespace: whether its pods may be given anything, and what they are
// given by default.
func (s *sight) labels(ctx context.Context) error {
	err := newGathering(s.env, &s.Objects).meta(ctx, s.namespace)
	if s.noteForbidden(err) {
		s.blind = fmt.Errorf("namespace %q may not be read", s.namespace)
		return nil
	}
	return err
}

// limits reads what decides on a pod beside that: what limits the connections of the users
// that it asks for, or where else there is one of that name.
func (s *sight) limits(ctx context.Context, ask *inject.Ask) error {
	if ask == nil {
		return nil
	}
	g := newGathering(s.env, &s.Objects)
	if ask.PoolSize > 0 {
		err := g.databases(ctx, s.namespace)
		if err == nil {
			err = g.known(ctx)
		}
		if err != nil && !s.noteForbidden(err) {
			return err
		}
	}
	if s.usersSeen && slices.ContainsFunc(ask.Users, func(u inject.UserAsk) bool { _, known := s.User(s.namespace, u.Name); return !known }) {
		return g.namesakes(ctx)
	}
	return nil
}

// engine returns the policies of the cluster, as far as they can be read and loaded.
func (s *sight) engine(ctx context.Context, place *policyPlace) (*policy.Engine, error) {
	engine, unread := s.env.policyEngine(ctx, place)
	if engine == nil {
		return nil, unread
	}
	switch {
	case apierrors.IsForbidden(unread):
		s.notSeen = append(s.notSeen, refusal(unread)+": judged by the built-in policies")
	case unread != nil:
		s.notSeen = append(s.notSeen, explain(unread).cause+"; judged without those")
	}
	for _, problem := range engine.Problems() {
		s.env.warn("%s", problem)
	}
	return engine, nil
}

// asked is what is said of a pod, or the pod of a workload, and who said it.
type asked struct {
	examined
	engine *policy.Engine
	// blind is why nothing could be decided.
	blind error
}

// names are what people call the policies.
func (a asked) names() map[string]string {
	return shortNames(namesOf(listPolicies(a.engine.Policies())))
}

// policies returns those that were asked, by short name and with their mode if that is
// not to deny.
func (a asked) policies() []string {
	names := a.names()
	found := []string{}
	for _, p := range listPolicies(a.engine.Policies()) {
		if !slices.Contains(a.Areas, p.Area) {
			continue
		}
		name := names[p.Policy]
		if p.Mode != policy.ModeDeny {
			name += " (" + string(p.Mode) + ")"
		}
		found = append(found, name)
	}
	return found
}

// ask lets the policies judge an object that stands in the cluster as if it were created
// now: a pod by who has made it, as far as that is known.
func (s *sight) ask(ctx context.Context, object *unstructured.Unstructured, place *policyPlace) (asked, error) {
	bare := object.DeepCopy()
	delete(bare.Object, "status")
	bare.SetManagedFields(nil)
	text, err := bare.MarshalJSON()
	if err != nil {
		return asked{}, err
	}
	engine, err := s.engine(ctx, place)
	if err != nil {
		return asked{}, err
	}
	m := review.Manifest{Object: text, Namespace: s.namespace}
	controlled := false
	if owner := metav1.GetControllerOf(object); owner != nil {
		m.User, controlled = review.Creator(owner.APIVersion, owner.Kind)
	}
	if !controlled {
		if m.User, err = s.env.identity(ctx); err != nil {
			return asked{}, fmt.Errorf("find out who is asking: %w", err)
		}
	}
	e, err := examine(ctx, review.Examiner{Policies: engine, Now: s.env.Now}, m, s)
	a := asked{examined: e, engine: engine}
	if !e.Judged() {
		a.blind = s.blind
	}
	return a, err
}

// list reads the objects of a kind in the namespace; none where they may not be read.
func (s *sight) list(ctx context.Context, k objectKind, options metav1.ListOptions) ([]unstructured.Unstructured, error) {
	all, err := k.list(ctx, s.env, s.namespace, options)
	if err != nil && s.noteForbidden(err) {
		return nil, nil
	}
	return all, err
}

// runningPods reads the pods of the namespace that have not ended.
func (s *sight) runningPods(ctx context.Context) ([]runningPod, error) {
	list, err := s.list(ctx, podKind, running())
	if err != nil {
		return nil, err
	}
	return s.asRunning(list)
}

// running selects pods that have not ended.
func running() metav1.ListOptions {
	return metav1.ListOptions{FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"}
}

func (s *sight) asRunning(list []unstructured.Unstructured) (pods []runningPod, err error) {
	pods = make([]runningPod, len(list))
	for i := range list {
		if pods[i], err = newRunningPod(&list[i], s.namespace, s); err != nil {
			return nil, err
		}
	}
	return pods, nil
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

// live is what is known of a Secret with a credential from its metadata alone.
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

// secret reads what a Secret's metadata, and those of its revision, say.
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
