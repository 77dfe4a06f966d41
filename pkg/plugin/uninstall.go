package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// uninstallation is one call of uninstall.
type uninstallation struct {
	yes             bool
	definitions     bool
	deleteResources bool
	timeout         time.Duration
	dryRun          dryRun
	print           printFlags
}

func newUninstallCommand(env *Environment) *cobra.Command {
	var u uninstallation
	cmd := &cobra.Command{
		Use:   "uninstall [flags]",
		Short: "Remove what install has made; databases, credentials and resources stay",
		Long: `Remove what the command install has made: first what makes the API server ask the
webhook, so that nothing is refused meanwhile, then the rest.

No database, no role and no credential is ever touched. The namespace ` + v1alpha1.SystemNamespace + `
stays with what others have put there: administrators' credentials and policies. The
resource definitions stay with all resources, unless --crds says otherwise. Done again,
it does what is left to do.`,
		Example: `  kubectl dbtether uninstall --dry-run=client
  kubectl dbtether uninstall --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return u.run(cmd.Context(), env)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&u.yes, "yes", "y", false, "do not ask for confirmation")
	flags.BoolVar(&u.definitions, "crds", false, "remove the resource definitions, too; refused while there are resources")
	flags.BoolVar(&u.deleteResources, "delete-resources", false, "with --crds: delete all DBClusters, Databases and DatabaseUsers; databases, roles and Secrets stay")
	flags.DurationVar(&u.timeout, "timeout", 2*time.Minute, "how long to wait for resources to be gone")
	u.print.add(cmd, []string{"name"})
	u.dryRun.add(cmd)
	return cmd
}

func (u *uninstallation) run(ctx context.Context, env *Environment) error {
	if err := u.print.check(); err != nil {
		return err
	}
	if err := env.onlySystemNamespace(); err != nil {
		return err
	}
	if u.deleteResources && !u.definitions {
		return Usagef("--delete-resources goes with --crds: without it the definitions stay, and resources with them")
	}
	w := &installing{env: env, print: &u.print, dryRun: &u.dryRun, progress: env.newProgress()}
	defer w.progress.done()
	record, err := w.find(ctx)
	if err != nil {
		return err
	}
	if err := u.checkRights(ctx, w); err != nil {
		return err
	}
	resources, err := u.resources(ctx, w)
	if err != nil {
		return err
	}
	if !u.dryRun.on() {
		if err := env.confirmName(ctx, u.question(resources), v1alpha1.SystemNamespace, u.yes); err != nil {
			return err
		}
	}
	if err := u.carryOut(ctx, w, resources, record); err != nil {
		return err
	}
	return u.sayWhatStays(ctx, w)
}

// find sets the objects to all that this version can install and all that the record
// names. It returns the record, nil where there is none.
func (w *installing) find(ctx context.Context) (record *unstructured.Unstructured, err error) {
	if record, err = w.env.configMap(ctx, install.RecordName); err != nil {
		return nil, err
	}
	all, err := install.Everything()
	if err != nil {
		return nil, err
	}
	var earlier install.Record
	if record != nil {
		if earlier, err = install.ReadRecord(record); err != nil {
			return nil, Hinted(err, "delete it if nobody needs it: then what this version installs is removed, and nothing else")
		}
	}
	w.objects = append(install.Left(earlier.Objects, all), all...)
	install.Sort(w.objects)
	return record, nil
}

// checkRights asks the API server for each right that the removal takes. The namespace is
// never deleted, and the definitions only with --crds.
func (u *uninstallation) checkRights(ctx context.Context, w *installing) error {
	rights, err := install.Rights(w.objects, "get", "delete")
	if err != nil {
		return err
	}
	rights = slices.DeleteFunc(rights, func(r install.Right) bool {
		return r.Verb == "delete" && (r.Resource == "namespaces" || r.Resource == "customresourcedefinitions" && !u.definitions)
	})
	rights = append(rights, install.Right{Verb: "delete", Resource: "secrets", Namespace: v1alpha1.SystemNamespace})
	if u.deleteResources {
		rights = append(rights, install.Right{Verb: "list", Resource: "secrets"}, install.Right{Verb: "patch", Resource: "secrets"})
	}
	return w.refuseMissing(ctx, rights, "uninstall")
}

// ownResource is a DBCluster, Database or DatabaseUser.
type ownResource struct {
	kind
	*unstructured.Unstructured
}

// resources returns all resources if the definitions are to be removed, users first. It is
// an error if there are any without --delete-resources, or if one is protected.
func (u *uninstallation) resources(ctx context.Context, w *installing) ([]ownResource, error) {
	if !u.definitions {
		return nil, nil
	}
	all, err := w.listResources(ctx)
	if err != nil {
		return nil, err
	}
	var protected []string
	for _, r := range all {
		if held, _, _ := unstructured.NestedBool(r.Object, "spec", "deletionProtection"); held {
			protected = append(protected, install.Title(r.Unstructured))
		}
	}
	if len(all) > 0 && !u.deleteResources {
		return nil, Hinted(fmt.Errorf("there are %d resources, which would go with their definitions: %s", len(all), firstOf(all)),
			"leave --crds out, or add --delete-resources: databases, roles and Secrets stay, and nobody looks after them any more")
	}
	if len(protected) > 0 {
		return nil, Hinted(fmt.Errorf("protected against deletion (spec.deletionProtection): %s", strings.Join(protected, ", ")),
			"set it to false in each of them first")
	}
	return all, nil
}

// listResources returns all resources, those first that refer to others.
func (w *installing) listResources(ctx context.Context) ([]ownResource, error) {
	var all []ownResource
	for _, k := range slices.Backward(kinds()) {
		list, err := w.env.list(ctx, k, metav1.NamespaceAll, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, ownResource{k, &list.Items[i]})
		}
	}
	return all, nil
}

// firstOf names the first few of them.
func firstOf(all []ownResource) string {
	var names []string
	for _, r := range all[:min(len(all), 3)] {
		names = append(names, install.Title(r.Unstructured))
	}
	if len(all) > len(names) {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

func (u *uninstallation) question(resources []ownResource) string {
	switch {
	case len(resources) > 0:
		return fmt.Sprintf("Remove dbtether, its definitions and %d resources", len(resources))
	case u.definitions:
		return "Remove dbtether and its definitions"
	}
	return "Remove dbtether"
}

// carryOut removes everything in the opposite order of its installation; the resources
// when nobody acts on them any more. The record goes last, so that an interrupted run is
// completed by the next.
func (u *uninstallation) carryOut(ctx context.Context, w *installing, resources []ownResource, record *unstructured.Unstructured) error {
	if err := w.prune(ctx, w.objects); err != nil {
		return err
	}
	if err := w.removeMadeByWebhook(ctx); err != nil {
		return err
	}
	if u.definitions {
		if err := u.removeDefinitions(ctx, w, resources); err != nil {
			return err
		}
	}
	if record == nil {
		return nil
	}
	return w.remove(ctx, record)
}

var secretsResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// madeByWebhook are the objects that the webhook keeps for itself: its certificate, and
// what each replica says of the policies.
var madeByWebhook = []struct {
	resource   schema.GroupVersionResource
	kind, name string
}{
	{secretsResource, "Secret", "dbtether-webhook-certificate"},
	{configMaps, "ConfigMap", policy.StatusName},
}

// removeMadeByWebhook deletes what the webhook has made, without reading it.
func (w *installing) removeMadeByWebhook(ctx context.Context) error {
	kube, err := w.env.Dynamic()
	if err != nil {
		return err
	}
	for _, made := range madeByWebhook {
		err := kube.Resource(made.resource).Namespace(v1alpha1.SystemNamespace).Delete(ctx, made.name, metav1.DeleteOptions{DryRun: w.dryRunOptions()})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.show(ofSystem("v1", made.kind, made.name), "deleted"); err != nil {
			return err
		}
	}
	return nil
}

// sayWhatStays names what is left, on stderr.
func (u *uninstallation) sayWhatStays(ctx context.Context, w *installing) error {
	stays := []string{"Namespace " + v1alpha1.SystemNamespace + ", with the Secrets and ConfigMaps that others put there; to remove them, too:",
		"  kubectl delete namespace " + v1alpha1.SystemNamespace}
	if !u.definitions {
		all, total, err := w.countResources(ctx)
		if err != nil {
			return err
		}
		with, command := "", "  kubectl dbtether uninstall --crds"
		if total > 0 {
			with, command = " with "+all, command+" --delete-resources"
		}
		stays = append(stays, "the resource definitions"+with+"; to remove them, too:", command)
	}
	stays = append(stays, "every database, role and credential; nothing refuses the deletion of a Database with deletionProtection any more")
	w.env.note("these stay:\n%s", strings.Join(stays, "\n"))
	return nil
}

// countResources returns how many resources there are, and in words how many of each kind
// that has some.
func (w *installing) countResources(ctx context.Context) (words string, total int, err error) {
	var counts []string
	for _, k := range kinds() {
		list, err := w.env.list(ctx, k, metav1.NamespaceAll, metav1.ListOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return "", 0, err
		}
		if list == nil || len(list.Items) == 0 {
			continue
		}
		total += len(list.Items)
		counts = append(counts, fmt.Sprintf("%d %s", len(list.Items), plural(k.name, len(list.Items))))
	}
	return strings.Join(counts, ", "), total, nil
}
