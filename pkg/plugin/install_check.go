package plugin

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/check"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

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
	missing, err := w.missingClientCA(ctx, p)
	if err != nil {
		return err
	}
	found = append(found, missing...)
	if err := w.refuseDowngrade(ctx); err != nil {
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

// everyNamespace is a ConfigMap with the cluster's authority that Kubernetes puts into
// every namespace, a moment after that is made.
const everyNamespace = "kube-root-ca.crt"

// missingClientCA returns a line if the ConfigMap of --client-ca is missing or has no
// certificate: the webhook's pods would not start.
func (w *installing) missingClientCA(ctx context.Context, p install.Parameters) ([]string, error) {
	if p.ClientCA == "" || p.ClientCA == everyNamespace {
		return nil, nil
	}
	config, err := w.env.configMap(ctx, p.ClientCA)
	if err != nil {
		return nil, err
	}
	if config != nil {
		text, _, _ := unstructured.NestedString(config.Object, "data", install.ClientCAKey)
		if x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
			return nil, nil
		}
	}
	return []string{fmt.Sprintf("there is no ConfigMap %q in namespace %q with certificates in PEM in its key %s: kubectl create configmap %[1]s -n %[2]s --from-file=%[3]s",
		p.ClientCA, v1alpha1.SystemNamespace, install.ClientCAKey)}, nil
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
	if old, err := install.OlderKubernetes(version.GitVersion); err == nil && old {
		return Hinted(fmt.Errorf("the API server is of version %s, and dbtether needs %s: it has no ValidatingAdmissionPolicies", version.GitVersion, install.OldestKubernetes),
			"upgrade Kubernetes, or use the plugin without installing anything but its definitions: kubectl dbtether crds")
	}
	return nil
}

// checkRights asks the API server for each right that the installation takes.
func (w *installing) checkRights(ctx context.Context) error {
	rights, err := install.Rights(w.objects, "get", "create", "patch")
	if err != nil {
		return err
	}
	// With this one it is seen whether the webhook answers.
	rights = append(rights, install.Right{Verb: "create", Group: v1alpha1.GroupVersion.Group, Resource: v1alpha1.Databases.Resource, Namespace: probeNamespace})
	return w.refuseMissing(ctx, rights, "install")
}

// refuseMissing asks the API server for each of the rights. The error names those that the
// caller lacks.
func (w *installing) refuseMissing(ctx context.Context, rights []install.Right, what string) error {
	config, err := w.env.RESTConfig()
	if err != nil {
		return err
	}
	reader, err := check.NewReader(config)
	if err != nil {
		return err
	}
	var missing []string
	for _, r := range rights {
		allowed, err := reader.May(ctx, r)
		if err != nil {
			return fmt.Errorf("ask what you may do: %w", err)
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

// foreign returns a line for each object of somebody else that has the place of one of
// ours, and for each of ours that is being deleted.
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

// tryAll applies every object as a dry run of the server, so that a conflict, a right that
// the caller may not pass on, or a policy of the cluster ends the installation before it
// has begun. Objects whose namespace is not there yet cannot be tried.
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
