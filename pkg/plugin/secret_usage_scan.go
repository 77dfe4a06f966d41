package plugin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// scan is what refers to the Secrets of a namespace, as far as that could be looked at.
type scan struct {
	sight    *sight
	coverage coverage
	// using are the objects that refer to a Secret, by its name: in the order in which kinds
	// are named, then by name.
	using map[string][]*secretUser
	// former are the Deployments of which an earlier ReplicaSet refers to a Secret, by its name.
	former map[string][]string
	// objects has the names of workloads, and above the UIDs of their controllers, by UID.
	objects map[types.UID]string
	above   map[types.UID]types.UID
}

// listing is the answer about a kind. An error may stand beside what was found.
type listing struct {
	items []unstructured.Unstructured
	err   error
}

// scanSecretUsers looks for what refers to the Secrets of a namespace: running pods, what
// makes pods, and the kinds of referrers, each in a request for 500 objects, all at once.
// That a kind may not be read, or cannot, is no error: the coverage says so.
func (e *Environment) scanSecretUsers(ctx context.Context, namespace string) (*scan, error) {
	s := &scan{sight: &sight{env: e, namespace: namespace}, using: map[string][]*secretUser{}, former: map[string][]string{},
		above: map[types.UID]types.UID{}, objects: map[types.UID]string{},
		coverage: coverage{Scanned: []string{}, NotInstalled: []string{}, NotScanned: []unscanned{}}}
	pods := append([]objectKind{podKind}, templateKinds()...)
	others := referrers()
	answers := make([]listing, len(pods)+len(others))
	var readers sync.WaitGroup
	for i, k := range pods {
		readers.Go(func() {
			options := metav1.ListOptions{}
			if k.kind == podKind.kind {
				options = running()
			}
			answers[i].items, answers[i].err = k.list(ctx, e, namespace, options)
		})
	}
	for i, k := range others {
		readers.Go(func() { answers[len(pods)+i] = k.find(ctx, e, namespace) })
	}
	var defaults error
	readers.Go(func() { defaults = newGathering(e, &s.sight.Objects).meta(ctx, namespace) })
	readers.Wait()

	lists := map[string][]unstructured.Unstructured{}
	for i, k := range pods {
		if err := s.cover(k, answers[i].err); err != nil {
			return nil, err
		}
		lists[k.kind] = answers[i].items
	}
	for i, k := range others {
		if err := s.cover(k.objectKind, answers[len(pods)+i].err); err != nil {
			return nil, err
		}
		lists[k.kind] = answers[len(pods)+i].items
	}
	if err := s.excuse("namespaces", defaults); err != nil {
		return nil, err
	}
	s.coverage.Certain = len(s.coverage.NotScanned) == 0
	return s, s.read(lists)
}

// secretsAndUsers returns the Secrets of a namespace, without their values, and what refers
// to them.
func (e *Environment) secretsAndUsers(ctx context.Context, namespace string) ([]secretMeta, *scan, error) {
	metas, err := e.secretMetas(ctx, namespace)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.scanSecretUsers(ctx, namespace)
	return metas, s, err
}

// find reads the objects of a kind that may refer to Secrets of a namespace. Where those of
// all namespaces may not be read, it returns those of this one and the refusal.
func (r referrer) find(ctx context.Context, env *Environment, namespace string) listing {
	where := namespace
	if r.everywhere {
		where = metav1.NamespaceAll
	}
	items, err := r.list(ctx, env, where, metav1.ListOptions{})
	if r.optional && apierrors.IsForbidden(err) {
		// What may not be read is forbidden, too, where there is no such kind.
		if missing := env.serves(r.resource); isUnknownResource(missing) {
			err = missing
		}
	}
	switch {
	case r.older != "" && isUnknownResource(err):
		r.resource.Version, r.older = r.older, ""
		return r.find(ctx, env, namespace)
	case r.everywhere && !r.clusterWide && apierrors.IsForbidden(err):
		if own, ownErr := r.list(ctx, env, namespace, metav1.ListOptions{}); ownErr == nil {
			items = own
		}
	}
	return listing{items, err}
}

// serves asks the API server for what everybody may know: whether it has a kind of object.
// The error is that of an unknown resource where it has not.
func (e *Environment) serves(resource schema.GroupVersionResource) error {
	config, err := e.RESTConfig()
	if err != nil {
		return err
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	served, err := client.ServerResourcesForGroupVersion(resource.GroupVersion().String())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name == resource.Resource }) {
		return apierrors.NewGenericServerResponse(http.StatusNotFound, "list", resource.GroupResource(), "", "", 0, true)
	}
	return nil
}

// cover notes whether a kind was looked at. It returns an error that is not about this kind
// alone.
func (s *scan) cover(k objectKind, err error) error {
	name := k.resource.GroupResource().String()
	switch {
	case err == nil:
		s.coverage.Scanned = append(s.coverage.Scanned, name)
		return nil
	case isUnknownResource(err):
		s.coverage.NotInstalled = append(s.coverage.NotInstalled, name)
		return nil
	default:
		return s.excuse(name, err)
	}
}

// excuse notes that a resource could not be read, and why, where that is an answer of the API
// server. It returns any other error, and that the caller is not known.
func (s *scan) excuse(resource string, err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &status) || apierrors.IsUnauthorized(err):
		return err
	}
	s.coverage.NotScanned = append(s.coverage.NotScanned, unscanned{resource, refusal(err)})
	return nil
}

// read finds the references of the objects, by kind. It does no I/O.
func (s *scan) read(lists map[string][]unstructured.Unstructured) error {
	for _, object := range lists[databaseUserKind.kind] {
		user, err := typed[v1alpha1.DatabaseUser](&object)
		if err != nil {
			return err
		}
		s.sight.SetUser(user)
	}
	all, err := s.sight.candidates(lists)
	if err != nil {
		return err
	}
	for _, p := range all.pods {
		s.podUses(&secretUser{Object: podKind.noun + "/" + p.name, kind: podKind, owner: p.owner}, p)
	}
	for _, w := range all.workloads {
		s.podUses(&secretUser{Object: w.String(), kind: w.objectKind}, w.pod)
	}
	for _, k := range templateKinds() {
		for i := range lists[k.kind] {
			object := &lists[k.kind][i]
			s.objects[object.GetUID()] = k.noun + "/" + object.GetName()
			if owner := metav1.GetControllerOf(object); owner != nil {
				s.above[object.GetUID()] = owner.UID
			}
		}
	}
	for _, w := range all.former {
		for _, use := range w.pod.uses {
			above := s.objects[s.above[w.object.GetUID()]]
			if was := s.former[use.Secret]; !slices.Contains(was, above) {
				s.former[use.Secret] = append(was, above)
			}
		}
	}
	for _, k := range referrers() {
		for i := range lists[k.kind] {
			if err := s.referrerUses(k, &lists[k.kind][i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// podUses adds what a pod refers to, and what it asks for and is not given so far.
func (s *scan) podUses(user *secretUser, p runningPod) {
	for _, use := range p.uses {
		s.add(user, use.Secret, newSecretUse(use))
	}
	if p.ask == nil {
		return
	}
	for _, u := range p.ask.Users {
		known, ok := s.sight.User(s.sight.namespace, u.Name)
		if !ok {
			known = &v1alpha1.DatabaseUser{}
			known.Name = u.Name
		}
		name := review.SecretName(known)
		if !slices.ContainsFunc(p.uses, func(use review.Use) bool { return v1alpha1.LiveSecret(use.Secret) == name }) {
			s.add(user, name, secretUse{How: useInjection, Places: []string{u.Name}})
		}
	}
}

// referrerUses adds what an object refers to in the namespace.
func (s *scan) referrerUses(k referrer, object *unstructured.Unstructured) error {
	references, err := k.refers(object)
	if err != nil {
		return err
	}
	user := &secretUser{Object: k.noun + "/" + object.GetName(), kind: k.objectKind}
	if object.GetNamespace() != s.sight.namespace {
		user.Namespace = object.GetNamespace()
	}
	for _, r := range references {
		if r.namespace == s.sight.namespace && r.secret != "" {
			s.add(user, r.secret, r.use)
		}
	}
	return nil
}

// add adds a use of a Secret. One of a revision is one of the Secret, too.
func (s *scan) add(user *secretUser, secret string, use secretUse) {
	s.addTo(secret, user, use)
	if live := v1alpha1.LiveSecret(secret); live != secret {
		use.Revision = secret
		s.addTo(live, user, use)
	}
}

// addTo adds a use to those of one Secret.
func (s *scan) addTo(secret string, user *secretUser, use secretUse) {
	using := s.using[secret]
	// The uses of one object come one after the other.
	if len(using) == 0 || using[len(using)-1].Object != user.Object || using[len(using)-1].Namespace != user.Namespace {
		own := *user
		using = append(using, &own)
		s.using[secret] = using
	}
	using[len(using)-1].add(use)
}
