package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// policyTest is one call of policy test. Its files are called policy_testing, because Go takes
// a file policy_test.go for tests.
type policyTest struct {
	files, data resource.FilenameOptions
	policies    []string
	offline     bool
	assumeReady bool
	user        review.User
	explain     bool
	trace       bool
	diff        bool
	patched     bool
	print       printFlags
	place       *policyPlace
}

func newPolicyTestCommand(env *Environment, place *policyPlace) *cobra.Command {
	t := policyTest{place: place}
	cmd := &cobra.Command{
		Use:   "test [-f FILE|DIR|URL|-]... [--policies FILE|DIR]... [flags]",
		Short: "Say what the policies would say of manifests",
		Long: `Judge pods, workloads, DBClusters, Databases and DatabaseUsers as the webhook would: the
same policies, the same input, the same code. A workload is judged as the pod that it
would create. Nothing is written.

What the policies look at (namespaces, clusters, databases, users) is read from the
cluster, and what the files have takes its place. With --offline it is read from the
files alone: those of -f, and those of --data.

--policies takes .rego files, with their tests beside them, or ConfigMaps; they stand in
place of the cluster's. Their tests are run first; without -f, that is all that is done.

It exits 0 if everything is allowed, 3 if something is denied, and 1 if something could
not be judged.`,
		Example: `  kubectl dbtether policy test -f deployment.yaml --diff
  kubectl dbtether policy test -R -f manifests/ --offline --data cluster.yaml --policies policies/
  kubectl dbtether policy test --policies naming.rego`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.print.check(); err != nil {
				return err
			}
			if len(t.user.Groups) > 0 && t.user.Username == "" {
				return Usagef("--as-user-group is about the user of --as-user: name that one, too")
			}
			return t.run(cmd.Context(), env)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&t.files.Filenames, "filename", "f", nil, "file, folder or URL with manifests to judge; - is stdin")
	flags.BoolVarP(&t.files.Recursive, "recursive", "R", false, "folders with all that is below them")
	flags.StringSliceVar(&t.data.Filenames, "data", nil, "file or folder with objects that the policies look at, and with policies")
	flags.StringSliceVar(&t.policies, "policies", nil, "file or folder with .rego files or ConfigMaps, in place of the cluster's policies")
	flags.BoolVar(&t.offline, "offline", false, "read nothing from the cluster")
	flags.BoolVar(&t.assumeReady, "assume-ready", false, "take DatabaseUsers of the files for provisioned")
	flags.StringVar(&t.user.Username, "as-user", "", "judge as if this user asked; the default is you, and for workloads their controller")
	flags.StringSliceVar(&t.user.Groups, "as-user-group", nil, "groups of that user")
	flags.BoolVar(&t.explain, "explain", false, "say of each rule that found nothing which condition did not hold")
	flags.BoolVar(&t.trace, "trace", false, "print each step of the evaluation on stderr, in the words of OPA")
	flags.BoolVar(&t.diff, "diff", false, "show what a pod is given, as a difference")
	flags.BoolVar(&t.patched, "patched", false, "show pods with what they are given")
	t.print.add(cmd, []string{"json", "yaml"})
	must(cmd.MarkFlagFilename("filename", "yaml", "yml", "json"))
	must(cmd.MarkFlagFilename("data", "yaml", "yml", "json"))
	must(cmd.MarkFlagFilename("policies", "rego", "yaml", "yml", "json"))
	cmd.MarkFlagsOneRequired("filename", "policies")
	return cmd
}

// run judges the objects of the files and prints the verdicts. The error is that of summary, or
// says why nothing could be judged.
func (t *policyTest) run(ctx context.Context, env *Environment) error {
	namespace, err := env.Namespace()
	if err != nil {
		return err
	}
	given, err := t.read(env, namespace)
	if err != nil {
		return err
	}
	engine, err := t.engine(ctx, env, given)
	if err != nil {
		return err
	}
	if len(t.files.Filenames) == 0 {
		fmt.Fprintf(env.Out, "%d policies are in order, and so are their tests (revision %s)\n", len(listPolicies(engine.Policies())), engine.Revision())
		return nil
	}
	if len(given.subjects) == 0 {
		return Hinted(Usagef("there is nothing to judge in what was given"), "policies are about pods, workloads with a pod template, DBClusters, Databases and DatabaseUsers")
	}
	facts, err := t.facts(ctx, env, given, namespace)
	if err != nil {
		return err
	}
	user := t.user
	if user.Username == "" && !t.offline {
		if user, err = env.identity(ctx); err != nil {
			return fmt.Errorf("find out who is asking: %w", err)
		}
	}
	examiner := review.Examiner{Policies: engine, Now: env.Now, Traces: t.explain}
	if t.trace {
		examiner.Steps = env.ErrOut
	}
	verdicts := make([]verdict, len(given.subjects))
	for i, subject := range given.subjects {
		verdicts[i] = t.judge(ctx, examiner, subject, facts, namespace, user)
	}
	if err := t.show(env, verdicts, policyNames(engine.Policies())); err != nil {
		return err
	}
	t.notes(env, given, verdicts, facts)
	return t.summary(verdicts)
}

// given is what the files have: what is to be judged, and what is known beside it.
type given struct {
	subjects, data []manifest
	// policies are ConfigMaps that add to the policies.
	policies []manifest
	// others counts the objects of -f that no policy looks at.
	others int
}

// read reads the files. Our own kinds get the defaults of their schema.
func (t *policyTest) read(env *Environment, namespace string) (given, error) {
	var all given
	for _, files := range []*resource.FilenameOptions{&t.data, &t.files} {
		if len(files.Filenames) == 0 {
			continue
		}
		files.Recursive = t.files.Recursive
		manifests, err := readManifests(env, files)
		if err != nil {
			return all, err
		}
		for _, m := range manifests {
			if err := all.add(env, m, namespace, files == &t.files); err != nil {
				return all, m.wrap(err)
			}
		}
	}
	return all, nil
}

// add files an object under what it is for.
func (g *given) add(env *Environment, m manifest, namespace string, subject bool) error {
	apiVersion, kind := m.GetAPIVersion(), m.GetKind()
	_, isPolicy := m.GetLabels()[review.LabelPolicy]
	switch k, err := ourKind(m.Unstructured); {
	case err == nil:
		changes, err := rewrite(m.Unstructured)
		if err != nil {
			return err
		}
		for _, change := range changes {
			env.warn("%s: %s", m.label(), change)
		}
		if k.namespaced && m.GetNamespace() == "" {
			m.SetNamespace(namespace)
		}
		if err := setDefaults(m.Unstructured, k); err != nil {
			return err
		}
		g.data = append(g.data, m)
	case apiVersion == "v1" && kind == "Namespace":
		g.data = append(g.data, m)
		return nil
	case apiVersion == "v1" && kind == "ConfigMap" && isPolicy:
		g.policies = append(g.policies, m)
		return nil
	}
	if subject && review.Judges(apiVersion, kind) {
		g.subjects = append(g.subjects, m)
	} else if subject {
		g.others++
	}
	return nil
}

// verdict is what is said of one object.
type verdict struct {
	manifest
	examined
	err error
}

// judged reports whether the verdict is about the object.
func (v verdict) judged() bool { return v.err == nil && v.Judged() }

// judge returns the verdict on one object.
func (t *policyTest) judge(ctx context.Context, examiner review.Examiner, subject manifest, facts *testFacts, namespace string, user review.User) verdict {
	v := verdict{manifest: subject}
	object, err := subject.MarshalJSON()
	if err != nil {
		v.err = err
		return v
	}
	v.examined, v.err = examine(ctx, examiner, review.Manifest{Object: object, Namespace: namespace, User: user, As: t.user.Username != "",
		Exists: facts.existed[manifestKey(subject)]}, facts)
	return v
}

// notes says what may explain a verdict, once.
func (t *policyTest) notes(env *Environment, given given, verdicts []verdict, facts *testFacts) {
	var unknown []string
	waiting := false
	for _, v := range verdicts {
		if _, known := facts.Namespace(v.namespace); !known && v.namespace != "" && !slices.Contains(unknown, v.namespace) {
			unknown = append(unknown, v.namespace)
		}
		waiting = waiting || slices.ContainsFunc(v.Findings, func(f policy.Finding) bool { return f.Code == "USER-NOT-READY" })
	}
	for _, namespace := range unknown {
		env.note("namespace %q is not known: add it to the files of -f or --data", namespace)
	}
	if waiting && facts.users > 0 && !t.assumeReady {
		env.note("a DatabaseUser of the files has no credential before it is provisioned: --assume-ready takes it for provisioned")
	}
	if given.others > 0 {
		env.note("%d %s of other kinds: no policy looks at them", given.others, plural("object", given.others))
	}
}

// summary returns nil if everything is allowed; what could not be judged weighs more than
// what is denied.
func (t *policyTest) summary(verdicts []verdict) error {
	var denied []policy.Finding // the first of each
	blind := 0
	for _, v := range verdicts {
		switch {
		case !v.judged():
			blind++
		case !v.Allowed:
			denied = append(denied, v.Findings[0])
		}
	}
	if blind > 0 {
		return Hinted(fmt.Errorf("%d of %d could not be judged, and would be denied", blind, len(verdicts)), "correct what is said above, and try again")
	}
	if len(denied) == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d would be denied", len(denied), len(verdicts))
	if len(t.policies) > 0 && strings.HasPrefix(denied[0].Policy, "dbtether.user.") { // not known to the cluster so far
		return withExitCode(Hinted(err, "change what the policy objects to, or the policy"), ExitDenied)
	}
	return withExitCode(Hinted(err, "kubectl dbtether policy explain %s", denied[0].Code), ExitDenied)
}
