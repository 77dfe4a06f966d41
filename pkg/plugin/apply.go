package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// apply is one call of apply.
type apply struct {
	files          resource.FilenameOptions
	forceConflicts bool
	provision      bool
	quick          bool
	recreate       bool
	planHash       string
	print          printFlags
	dryRun         dryRun
}

func newApplyCommand(env *Environment) *cobra.Command {
	var a apply
	cmd := &cobra.Command{
		Use:   "apply (-f FILE|DIR|URL|- | -k DIR) [flags]",
		Short: "Apply manifests of servers, databases and users",
		Long: `Apply manifests of DBClusters, Databases and DatabaseUsers with server-side apply.

Fields in the spelling of the dbtether operator (database, databases and secret of a
DatabaseUser) are rewritten, with a warning for each. Other kinds are refused. An
object that fails does not keep the others from being applied.`,
		Example: `  kubectl dbtether apply -f orders.yaml
  kubectl dbtether apply -R -f databases/ --dry-run=server`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd.Context(), env)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&a.files.Filenames, "filename", "f", nil, "file, folder or URL with manifests; - is stdin")
	flags.StringVarP(&a.files.Kustomize, "kustomize", "k", "", "folder with a kustomization")
	flags.BoolVarP(&a.files.Recursive, "recursive", "R", false, "folders with all that is below them")
	flags.BoolVar(&a.forceConflicts, "force-conflicts", false, "take over fields that others have set")
	flags.BoolVar(&a.provision, "provision", true, "do the work on PostgreSQL too; false: only write the resources")
	flags.BoolVar(&a.quick, "quick", false, "on PostgreSQL read only what seems to have changed since the last run")
	flags.BoolVar(&a.recreate, "recreate", false, "make databases anew that somebody deleted")
	flags.StringVar(&a.planHash, "plan-hash", "", "carry out only the plan that has this hash; for a single object")
	a.print.add(cmd, objectFormats)
	a.dryRun.add(cmd)
	must(cmd.MarkFlagFilename("filename", "yaml", "yml", "json"))
	must(cmd.MarkFlagDirname("kustomize"))
	cmd.MarkFlagsOneRequired("filename", "kustomize")
	cmd.MarkFlagsMutuallyExclusive("filename", "kustomize")
	cmd.MarkFlagsMutuallyExclusive("recursive", "kustomize")
	return cmd
}

func (a *apply) run(ctx context.Context, env *Environment) error {
	if err := a.print.check(); err != nil {
		return err
	}
	namespace, explicit, err := env.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	objects, err := a.read(env)
	if len(objects) == 0 {
		if err == nil {
			err = Usagef("there are no objects in what was given")
		}
		return err
	}
	if a.planHash != "" && len(objects) != 1 {
		return Usagef("--plan-hash is about one object, and there are %d", len(objects))
	}
	total := len(objects)
	if err != nil {
		total++
	}
	failures := failures{env: env, total: total}
	failures.add(err)
	var applied []unstructured.Unstructured
	var written []manifest
	for _, m := range objects {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		object, err := a.one(ctx, env, m, namespace, explicit)
		if object != nil {
			applied = append(applied, *object)
			written = append(written, manifest{object, m.source})
		}
		failures.add(m.wrap(err))
	}
	if err := a.work(ctx, env, written, &failures); err != nil {
		return err
	}
	if err := a.showPlans(ctx, env, written, &failures); err != nil {
		return err
	}
	if err := a.printObjects(env, applied); err != nil {
		return err
	}
	return failures.summary()
}

// failures are those of some of many objects. Each is printed when it happens; a
// single object's is not, because it is the command's own.
type failures struct {
	env   *Environment
	total int
	errs  []error
	codes []int
}

// add takes a failure; nil is none.
func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.errs = append(f.errs, err)
	if f.total > 1 {
		f.codes = append(f.codes, f.env.report(err))
	}
}

// summary returns the error about them all, nil if there were none. Its exit code
// is 1 unless the failures agree on another.
func (f *failures) summary() error {
	switch {
	case len(f.errs) == 0:
		return nil
	case f.total == 1:
		return f.errs[0]
	}
	err := Hinted(fmt.Errorf("%d of %d failed", len(f.errs), f.total), "correct what is said above and apply again: what is as it should be stays unchanged")
	if codes := slices.Compact(slices.Clone(f.codes)); len(codes) == 1 {
		return withExitCode(err, codes[0])
	}
	return err
}

// read reads the manifests, those first that others refer to. What could not be
// read is the error; the others are returned nevertheless.
func (a *apply) read(env *Environment) ([]manifest, error) {
	manifests, err := readManifests(env, &a.files)
	slices.SortStableFunc(manifests, func(x, y manifest) int { return rank(x) - rank(y) })
	return manifests, err
}

// one applies an object and returns it as it then is. The object is returned
// together with an error where it was written and the work on it failed.
func (a *apply) one(ctx context.Context, env *Environment, m manifest, namespace string, explicit bool) (*unstructured.Unstructured, error) {
	k, err := ourKind(m.Unstructured)
	if err != nil {
		return nil, err
	}
	if err := place(m.Unstructured, k, namespace, explicit); err != nil {
		return nil, err
	}
	changes, err := rewrite(m.Unstructured)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		env.warn("%s: %s", m.label(), change)
	}
	before, after, err := a.write(ctx, env, k, m.Unstructured)
	if err != nil {
		return nil, err
	}
	if a.print.human() {
		if err := a.print.print(env, after, a.dryRun.said(install.Outcome(before, after))); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// write applies the object and returns it before, nil where it was not there, and
// after. A dry run of the client returns as after what was to be applied.
func (a *apply) write(ctx context.Context, env *Environment, k kind, object *unstructured.Unstructured) (before, after *unstructured.Unstructured, err error) {
	client, err := env.client(k, object.GetNamespace())
	if err != nil {
		return nil, nil, err
	}
	before, err = client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if isNotFound(err) {
		before, err = nil, nil
	}
	if err != nil || a.dryRun.client() {
		return before, object, err
	}
	body, err := object.MarshalJSON()
	if err != nil {
		return nil, nil, err
	}
	after, err = client.Patch(ctx, object.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{
		FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict,
		Force: &a.forceConflicts, DryRun: a.dryRun.options(),
	})
	return before, after, err
}

// printObjects prints what -o asked for: one object, or a list of more.
func (a *apply) printObjects(env *Environment, objects []unstructured.Unstructured) error {
	switch {
	case a.print.human() || len(objects) == 0:
		return nil
	case len(objects) == 1 || strings.HasPrefix(a.print.output, "name"):
		for i := range objects {
			if err := a.print.print(env, &objects[i], ""); err != nil {
				return err
			}
		}
		return nil
	default:
		return a.print.print(env, asList(objects), "")
	}
}
