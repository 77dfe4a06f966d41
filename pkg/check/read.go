package check

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// Reader reads of a cluster what is checked. It writes nothing.
type Reader struct {
	kube     dynamic.Interface
	core     corev1client.CoreV1Interface
	asking   dynamic.Interface
	warnings *warnings
}

// NewReader returns one for an API server. It connects to nothing.
func NewReader(config *rest.Config) (*Reader, error) {
	r := &Reader{warnings: &warnings{}}
	asking := rest.CopyConfig(config)
	asking.WarningHandler = r.warnings
	var err error
	if r.kube, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if r.asking, err = dynamic.NewForConfig(asking); err != nil {
		return nil, err
	}
	r.core, err = corev1client.NewForConfig(config)
	return r, err
}

// warnings collects what the API server warns of.
type warnings struct {
	mu   sync.Mutex
	said []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// take returns what was collected, and forgets it.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// chunk is how many objects one answer holds.
const chunk = 500

// list reads the objects of a resource in a namespace, "" for all.
func (r *Reader) list(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string) Objects {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return r.kube.Resource(resource).Namespace(namespace).List(ctx, options)
	})
	pages.PageSize = chunk
	var objects Objects
	objects.Err = pages.EachListItem(ctx, metav1.ListOptions{LabelSelector: selector}, func(item runtime.Object) error {
		object, ok := item.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("the API server sent a %T", item)
		}
		objects.Items = append(objects.Items, *object)
		return nil
	})
	return objects
}

// get reads one object.
func (r *Reader) get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) Objects {
	object, err := r.kube.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Objects{}
	case err != nil:
		return Objects{Err: err}
	}
	return Objects{Items: []unstructured.Unstructured{*object}}
}

// API asks the API server for its version.
func (r *Reader) API(ctx context.Context) API {
	text, err := r.core.RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return API{Err: err}
	}
	var info version.Info
	err = json.Unmarshal(text, &info)
	return API{Version: info.GitVersion, Err: err}
}

const registration = "admissionregistration.k8s.io"

var definitions = resource("apiextensions.k8s.io", "customresourcedefinitions")

// resource returns a resource of version v1.
func resource(group, name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}
}

// Definitions reads the resource definitions of the cluster, and who installed. Its Own is
// for the caller to set.
func (r *Reader) Definitions(ctx context.Context, shipped Shipped) Definitions {
	return Definitions{Shipped: shipped, Seen: r.list(ctx, definitions, "", ""),
		Record: r.get(ctx, resource("", "configmaps"), v1alpha1.SystemNamespace, install.RecordName)}
}

// Install reads what an installation would meet, and asks for the rights that it takes.
// The error is one of the embedded manifests.
func (r *Reader) Install(ctx context.Context, shipped Shipped) (Install, error) {
	rights, err := RightsOfInstall()
	if err != nil {
		return Install{}, err
	}
	i := Install{Shipped: shipped, Rights: rights, Definitions: r.list(ctx, definitions, "", ""),
		Mutating:   r.list(ctx, resource(registration, "mutatingwebhookconfigurations"), "", ""),
		Validating: r.list(ctx, resource(registration, "validatingwebhookconfigurations"), "", ""),
		Namespace:  r.get(ctx, resource("", "namespaces"), "", v1alpha1.SystemNamespace)}
	for n := range i.Rights {
		right := &i.Rights[n]
		right.Allowed, right.Err = r.May(ctx, right.Right)
	}
	return i, nil
}

// May asks the API server whether the caller has a right.
func (r *Reader) May(ctx context.Context, right install.Right) (bool, error) {
	asked := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]any{"verb": right.Verb, "group": right.Group, "resource": right.Resource, "namespace": right.Namespace}}}}
	answer, err := r.kube.Resource(resource("authorization.k8s.io", "selfsubjectaccessreviews")).Create(ctx, asked, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// Webhook reads the webhook's configurations and what runs behind them, and asks for
// something that it refuses.
//
// That is asked in a namespace that every cluster has and the webhook does not leave out;
// who may not ask there asks in her own.
func (r *Reader) Webhook(ctx context.Context, shipped Shipped, own string) Webhook {
	const namespace = v1alpha1.SystemNamespace
	w := Webhook{Shipped: shipped,
		Mutating:       r.get(ctx, resource(registration, "mutatingwebhookconfigurations"), "", ConfigurationName),
		Validating:     r.get(ctx, resource(registration, "validatingwebhookconfigurations"), "", ConfigurationName),
		Deployment:     r.get(ctx, resource("apps", "deployments"), namespace, WebhookName),
		Service:        r.get(ctx, resource("", "services"), namespace, WebhookName),
		EndpointSlices: r.list(ctx, resource("discovery.k8s.io", "endpointslices"), namespace, "kubernetes.io/service-name="+WebhookName),
		Answer:         Answer{Unasked: true},
	}
	if name := certificateName(w.Deployment.named(WebhookName)); name != "" {
		w.Certificate, w.CertificateErr = r.secret(ctx, namespace, name)
	}
	if w.Validating.Err != nil || w.Validating.named(ConfigurationName) != nil {
		w.Answer = r.ask(ctx, metav1.NamespaceDefault)
		if w.Answer.forbidden() && own != "" {
			w.Answer = r.ask(ctx, own)
		}
	}
	return w
}

// ask asks the API server what it would say of a DatabaseUser that the webhook refuses:
// of a database that does not exist, in a namespace that does not either.
func (r *Reader) ask(ctx context.Context, namespace string) Answer {
	user := &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDatabaseUser,
		"metadata": map[string]any{"name": "dbtether-check", "namespace": namespace},
		"spec":     map[string]any{"databaseRef": map[string]any{"name": "dbtether-check", "namespace": "dbtether-check"}}}}
	r.warnings.take()
	_, err := r.asking.Resource(v1alpha1.DatabaseUsers).Namespace(namespace).Create(ctx, user, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: v1alpha1.FieldManager})
	return Answer{Namespace: namespace, Err: err, Warnings: r.warnings.take()}
}

// Floor reads what the API server refuses by itself.
func (r *Reader) Floor(ctx context.Context, shipped Shipped) Floor {
	return Floor{Shipped: shipped, Policies: r.list(ctx, resource(registration, "validatingadmissionpolicies"), "", ""),
		Bindings: r.list(ctx, resource(registration, "validatingadmissionpolicybindings"), "", "")}
}

// Runner reads who does the work that falls due.
func (r *Reader) Runner(ctx context.Context, work Work) Runner {
	return Runner{Work: work, Lease: r.get(ctx, resource("coordination.k8s.io", "leases"), v1alpha1.SystemNamespace, RunnerName),
		Deployment: r.get(ctx, resource("apps", "deployments"), v1alpha1.SystemNamespace, RunnerName),
		CronJob:    r.get(ctx, resource("batch", "cronjobs"), v1alpha1.SystemNamespace, RunnerName)}
}

// Work reads the Databases and DatabaseUsers of a namespace, "" for all. Its Now is for
// the caller to set.
func (r *Reader) Work(ctx context.Context, namespace string) Work {
	w := Work{Namespace: namespace}
	w.Databases, w.DatabasesErr = typed[v1alpha1.Database](r.list(ctx, v1alpha1.Databases, namespace, ""))
	w.Users, w.UsersErr = typed[v1alpha1.DatabaseUser](r.list(ctx, v1alpha1.DatabaseUsers, namespace, ""))
	return w
}

// Clusters reads the DBClusters; it asks no server.
func (r *Reader) Clusters(ctx context.Context) ([]v1alpha1.DBCluster, error) {
	return typed[v1alpha1.DBCluster](r.list(ctx, v1alpha1.DBClusters, "", ""))
}

// typed reads objects into their type.
func typed[T any](objects Objects) ([]T, error) {
	if objects.Err != nil {
		return nil, objects.Err
	}
	all := make([]T, len(objects.Items))
	for i := range objects.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(objects.Items[i].Object, &all[i]); err != nil {
			return nil, fmt.Errorf("read %s %q: %w", objects.Items[i].GetKind(), objects.Items[i].GetName(), err)
		}
	}
	return all, nil
}

// Secrets reads the managed Secrets of a namespace and their revisions, with their
// values. Work are the resources of the same namespace.
func (r *Reader) Secrets(ctx context.Context, work Work) Secrets {
	s := Secrets{Work: work}
	if s.Managed, s.Err = r.secrets(ctx, work.Namespace, v1alpha1.LabelManaged+"=true"); s.Err != nil {
		return s
	}
	s.Revisions, s.Err = r.secrets(ctx, work.Namespace, v1alpha1.LabelRevisionOf)
	return s
}

// secret reads one Secret, nil where there is none.
func (r *Reader) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret, err := r.core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return secret, nil
}

func (r *Reader) secrets(ctx context.Context, namespace, selector string) ([]corev1.Secret, error) {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return r.core.Secrets(namespace).List(ctx, options)
	})
	pages.PageSize = chunk
	var secrets []corev1.Secret
	err := pages.EachListItem(ctx, metav1.ListOptions{LabelSelector: selector}, func(item runtime.Object) error {
		secret, ok := item.(*corev1.Secret)
		if !ok {
			return fmt.Errorf("the API server sent a %T", item)
		}
		secrets = append(secrets, *secret)
		return nil
	})
	return secrets, err
}

// WebhookInstalled reports whether there is a webhook that says what it has loaded, as
// far as the caller may see that.
func (r *Reader) WebhookInstalled(ctx context.Context) bool {
	configuration := r.get(ctx, resource(registration, "validatingwebhookconfigurations"), "", ConfigurationName)
	return configuration.named(ConfigurationName) != nil
}
