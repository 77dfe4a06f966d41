package plugin

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// installation is one call of install.
type installation struct {
	parameters     install.Parameters
	forceConflicts bool
	allowDowngrade bool
	wait           bool
	timeout        time.Duration
	print          printFlags
	dryRun         dryRun
}

func newInstallCommand(env *Environment) *cobra.Command {
	i := installation{parameters: install.Defaults(env.Version)}
	cmd := &cobra.Command{
		Use:   "install [flags]",
		Short: "Install the webhook and what belongs to it, or bring it to this version",
		Long: `Install the resource definitions, the webhook, the policies of the API server, and on
request the runner, into the namespace ` + v1alpha1.SystemNamespace + `.

What is there already is brought to this version and these flags; what an earlier
installation had and this one has not is removed. Whatever would refuse pods or
resources comes last, and only once the API server is seen to reach the webhook. An
installation that was interrupted is completed by the same command.`,
		Example: `  kubectl dbtether install
  kubectl dbtether install --runner watch --image-prefix registry.example.com/dbtether
  kubectl dbtether install --dry-run=client -o yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return i.run(cmd.Context(), env)
		},
	}
	i.addParameters(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&i.forceConflicts, "force-conflicts", false, "take over fields that others have set, and resource definitions of others")
	flags.BoolVar(&i.allowDowngrade, "allow-downgrade", false, "go back to this version from a later one: what only that one knows of resources is lost")
	flags.BoolVar(&i.wait, "wait", true, "wait until the webhook answers; false: let nothing be refused until the command runs again")
	flags.DurationVar(&i.timeout, "timeout", 5*time.Minute, "how long to wait")
	i.print.add(cmd, objectFormats)
	i.dryRun.add(cmd)
	return cmd
}

// addParameters adds the flags that say what is installed.
func (i *installation) addParameters(cmd *cobra.Command) {
	p, flags := &i.parameters, cmd.Flags()
	flags.StringVar(&p.ImagePrefix, "image-prefix", p.ImagePrefix, "registry and folder of the images webhook and plugin")
	flags.StringVar(&p.Version, "image-version", p.Version, "tag of the images")
	flags.StringSliceVar(&p.ImagePullSecrets, "image-pull-secret", nil, "Secret of the namespace with which the images are pulled")
	flags.Int64Var(&p.Replicas, "replicas", p.Replicas, "replicas of the webhook")
	flags.StringVar(&p.WebhookURL, "webhook-url", "", "`https://host:port` of a webhook that runs elsewhere: none is run here")
	flags.StringVar(&p.ClientCA, "client-ca", "", "`ConfigMap` of the namespace whose ca.crt signs the client certificates of those who may ask the webhook: the API servers")
	flags.StringSliceVar(&p.ClientNames, "client-name", nil, "name that such a certificate has to have (default: any)")
	flags.StringVar(&p.Schedule, "schedule", p.Schedule, "when the CronJob of --runner cronjob runs")
	flags.StringVar(&p.CPU, "cpu", p.CPU, "what each pod is promised of a processor")
	flags.StringVar(&p.Memory, "memory", p.Memory, "memory that each pod is promised")
	flags.StringVar(&p.MemoryLimit, "memory-limit", p.MemoryLimit, "memory that each pod gets at most")
	flags.BoolVar(&p.Debug, "debug", false, "let the webhook log every review")
	flags.StringToStringVar(&p.PodLabels, "pod-label", nil, "`label=value` that all pods get, too")
	addChoice(cmd, &p.Certificate, "certificate", "where the webhook has its certificate from", install.Certificates()...)
	addChoice(cmd, &p.Runner, "runner", "how databases of those are provisioned who may not do it themselves", install.Runners()...)
}

func (i *installation) run(ctx context.Context, env *Environment) error {
	if err := i.print.check(); err != nil {
		return err
	}
	if err := env.onlySystemNamespace(); err != nil {
		return err
	}
	objects, err := install.Render(i.parameters)
	if err != nil {
		return Usagef("%w", err)
	}
	if i.dryRun.client() {
		return i.rendered(env, objects)
	}
	w := &installing{env: env, print: &i.print, dryRun: &i.dryRun, force: i.forceConflicts, back: i.allowDowngrade, objects: objects, progress: env.newProgress()}
	defer w.progress.done()
	if err := w.check(ctx, i.parameters); err != nil {
		return err
	}
	if err := i.carryOut(ctx, w); err != nil {
		return err
	}
	return w.printAll()
}

// onlySystemNamespace refuses -n with another namespace than dbtether's.
func (e *Environment) onlySystemNamespace() error {
	if n := e.Config.Namespace; n != nil && *n != "" && *n != v1alpha1.SystemNamespace {
		return Hinted(Usagef("dbtether lives in namespace %q, not in %q", v1alpha1.SystemNamespace, *n), "leave -n out")
	}
	return nil
}

// rendered prints the objects and asks no API server.
func (i *installation) rendered(env *Environment, objects []*unstructured.Unstructured) error {
	if strings.HasPrefix(i.print.output, "json") {
		return i.print.print(env, asList(values(objects)), "")
	}
	printer, err := i.print.printer(i.dryRun.said("rendered"))
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := printer.PrintObj(object, env.Out); err != nil {
			return err
		}
	}
	return nil
}

// carryOut applies everything in its order. Where it ends early, nothing is refused that
// was not refused before.
func (i *installation) carryOut(ctx context.Context, w *installing) error {
	earlier, err := w.record(ctx)
	if err != nil {
		return err
	}
	if err := w.foundation(ctx, i.parameters, earlier); err != nil {
		return err
	}
	if err := w.applyAll(ctx, func(o *unstructured.Unstructured) bool { return !install.Stays(o) && !install.Gated(o) }); err != nil {
		return err
	}
	fresh, err := w.applyInert(ctx)
	if err != nil {
		return err
	}
	answers, err := i.answers(ctx, w, fresh)
	if err != nil || !answers {
		return err
	}
	if err := w.applyAll(ctx, install.Gated); err != nil {
		return err
	}
	if err := w.prune(ctx, install.Left(earlier.Objects, w.objects)); err != nil {
		return err
	}
	return w.writeRecord(ctx, install.Record{Parameters: i.parameters, Plugin: w.env.Version, Objects: w.objects, Complete: true})
}

// answers waits until the API server reaches the webhook. Without --wait it looks once
// and returns whether it does.
func (i *installation) answers(ctx context.Context, w *installing, fresh bool) (bool, error) {
	if i.dryRun.server() {
		return true, nil
	}
	timeout := i.timeout
	if !i.wait {
		timeout = 0
	}
	err := w.await(ctx, i.parameters, fresh, timeout)
	if err == nil || ctx.Err() != nil {
		return err == nil, err
	}
	const later = "until then nothing is refused that was not refused before"
	if !i.wait {
		w.progress.done()
		w.env.note("the webhook does not answer yet: %v\nrun the command again to complete the installation; %s", err, later)
		return false, nil
	}
	if imageMissing.MatchString(err.Error()) {
		return false, Hinted(err, "the node does not get the image: say where it is with --image-prefix and --image-version, and who may pull it with --image-pull-secret; then run the command again; %s", later)
	}
	return false, Hinted(err, "see kubectl get pods -n %s and their logs, mend it and run the command again; %s", v1alpha1.SystemNamespace, later)
}

// imageMissing is how the kubelet says that it does not get an image: the reasons of a container
// that waits, and the message of an Event.
var imageMissing = regexp.MustCompile(`ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|Failed to pull image`)

// values returns what the pointers point at.
func values(objects []*unstructured.Unstructured) []unstructured.Unstructured {
	result := make([]unstructured.Unstructured, 0, len(objects))
	for _, object := range objects {
		result = append(result, *object)
	}
	return result
}

// foundation applies the namespace and the definitions, waits until the API server
// serves these, and writes down what is about to be installed.
func (w *installing) foundation(ctx context.Context, p install.Parameters, earlier install.Record) error {
	if err := w.applyAll(ctx, install.Stays); err != nil {
		return err
	}
	if !w.dryRun.server() {
		if err := w.awaitDefinitions(ctx); err != nil {
			return err
		}
	}
	return w.writeRecord(ctx, install.Record{Parameters: p, Plugin: w.env.Version, Objects: earlier.With(w.objects)})
}

// patchOptions are those of every application.
func (w *installing) patchOptions(force bool) metav1.PatchOptions {
	return metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict, Force: &force, DryRun: w.dryRunOptions()}
}
