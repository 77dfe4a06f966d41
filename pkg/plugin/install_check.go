package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// oldestMinor is the minor version of Kubernetes 1 with which ValidatingAdmissionPolicies
// came.
const oldestMinor = 30

// check looks, before anything is written, for whatever would make the installation
// fail. The error names all that it found.
func (w *installing) check(ctx context.Context, p install.Parameters) error {
	w.progress.step("looking at what is there …")
	if err := w.checkVersion(); err != nil {
		return err
	}
	if err := w.checkRights(ctx); err != nil {
		return err
	}
	found, err := w.foreign(ctx)
	if err != nil {
		return err
	}
	if p.Certificate == install.CertificateCertManager {
		definition := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}}
		definition.SetName("certificates.cert-manager.io")
		standing, err := w.env.standing(ctx, definition)
		if err != nil {
			return err
		}
		if standing == nil {
			found = append(found, "cert-manager is not installed: there is no CustomResourceDefinition certificates.cert-manager.io")
		}
	}
	if len(found) > 0 {
		return Hinted(errors.New("nothing was installed:\n"+strings.Join(found, "\n")),
			"remove what is in the way; where a definition, a field or a label may be taken over: --force-conflicts")
	}
	return w.tryAll(ctx)
}

// checkVersion refuses API servers that are too old.
func (w *installing) checkVersion() error {
	client, err := w.env.Config.ToDiscoveryClient()
	if err != nil {
		return err
	}
	version, err := client.ServerVersion()
	if err != nil {
		return fmt.Errorf("ask the API server for its version: %w", err)
	}
	minor, err := strconv.Atoi(strings.TrimRight(version.Minor, "+"))
	if err == nil && version.Major == "1" && minor < oldestMinor {
		return Hinted(fmt.Errorf("the API server is of version %s, and dbtether needs 1.%d: it has no ValidatingAdmissionPolicies", version.GitVersion, oldestMinor),
			"upgrade Kubernetes, or use the plugin without installing anything but its definitions: kubectl dbtether crds")
	}
	return nil
}

// accessReviews is how a user asks what she may do.
var accessReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}

// right is one that an installation takes.
type right struct {
	verb, group, resource, namespace string
}

func (r right) String() string {
	text := r.verb + " " + schema.GroupResource{Group: r.group, Resource: r.resource}.String()
	if r.namespace != "" {
		text += " in namespace " + r.namespace
	}
	return text
}

// rights are those that it takes to apply the objects, each once.
func (w *installing) rights(verbs ...string) ([]right, error) {
	var rights []right
	for _, object := range append(slices.Clone(w.objects), ofSystem("v1", "ConfigMap", install.RecordName)) {
		resource, err := install.ResourceOf(object)
		if err != nil {
			return nil, err
		}
		for _, verb := range verbs {
			r := right{verb, resource.Group, resource.Resource, object.GetNamespace()}
			if !slices.Contains(rights, r) {
				rights = append(rights, r)
			}
		}
	}
	return rights, nil
}

// checkRights asks the API server for each right that the installation takes.
func (w *installing) checkRights(ctx context.Context) error {
	rights, err := w.rights("get", "create", "patch")
	if err != nil {
		return err
	}
	// With this one it is seen whether the webhook answers.
	rights = append(rights, right{"create", v1alpha1.GroupVersion.Group, v1alpha1.Databases.Resource, probeNamespace})
	return w.refuseMissing(ctx, rights, "install")
}

// refuseMissing returns an error that names the rights of these that the user has not.
func (w *installing) refuseMissing(ctx context.Context, rights []right, what string) error {
	var missing []string
	for _, r := range rights {
		allowed, err := w.env.may(ctx, r)
		if err != nil {
			return err
		}
		if !allowed {
			missing = append(missing, r.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("you may not %s dbtether, for you may not\n%s", what, strings.Join(missing, "\n")),
		"ask whoever administers this cluster to run the command, or for the ClusterRole cluster-admin")
}

// may asks the API server whether the user has a right.
func (e *Environment) may(ctx context.Context, r right) (bool, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return false, err
	}
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]any{"verb": r.verb, "group": r.group, "resource": r.resource, "namespace": r.namespace}},
	}}
	answer, err := kube.Resource(accessReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask what you may do: %w", err)
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// foreign names what stands where ours is to be and is somebody else's.
func (w *installing) foreign(ctx context.Context) ([]string, error) {
	var found []string
	for _, object := range w.objects {
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return nil, err
		}
		if standing == nil {
			continue
		}
		if standing.GetDeletionTimestamp() != nil {
			found = append(found, install.Title(standing)+" is being deleted: wait until it is gone")
		}
		if whose := install.Foreign(standing); whose != "" && !w.force {
			found = append(found, install.Title(standing)+" "+whose)
		}
	}
	return found, nil
}

// tryAll lets the API server judge every object that it can judge before others are
// there, and stores none: a conflict, a right that one may not give to others, or a
// policy of the cluster ends the installation before it has begun.
func (w *installing) tryAll(ctx context.Context) error {
	tried := *w
	tried.dryRun = &dryRun{way: dryRunServer}
	for _, object := range w.objects {
		if _, _, err := tried.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
