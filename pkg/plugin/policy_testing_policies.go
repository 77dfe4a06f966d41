package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// engine compiles the policies to judge by, and says on stderr which those are where it
// is not the cluster's. Loading runs their tests.
func (t *policyTest) engine(ctx context.Context, env *Environment, given given) (*policy.Engine, error) {
	set, err := t.set(ctx, env, given)
	if err != nil {
		return nil, err
	}
	engine, err := policy.Load(ctx, set, policy.Options{Timeout: review.Patience})
	if err != nil {
		return nil, Hinted(err, "correct the policy; what the input has is described in docs/policies.md")
	}
	problems := engine.Problems()
	if len(t.policies) > 0 && len(problems) > 0 {
		return nil, Hinted(errors.New(strings.Join(problems, "\n")), "correct the ConfigMaps")
	}
	for _, problem := range problems {
		env.warn("%s", problem)
	}
	return engine, nil
}

// set reads the policies: those of --policies, those of the files with --offline, else those of
// the cluster with the ConfigMaps of the files in place of its own.
func (t *policyTest) set(ctx context.Context, env *Environment, given given) (policy.Set, error) {
	switch {
	case len(t.policies) > 0:
		env.note("judged by the built-in policies and those of %s, not by the cluster's", strings.Join(t.policies, ", "))
		return t.setOfFiles(env, given.policies)
	case t.offline:
		return policy.ReadSet(t.documents(given.policies), env.Now()), nil
	}
	kube, err := env.Dynamic()
	if err != nil {
		return policy.Set{}, err
	}
	documents, err := provision.PolicyDocuments(ctx, kube, t.place.namespace)
	switch {
	case apierrors.IsForbidden(err):
		env.note("you may not read the policies of namespace %q: judged by the built-in ones, and those of the files", t.place.namespace)
	case err != nil:
		return policy.Set{}, fmt.Errorf("read the policies of namespace %q: %w", t.place.namespace, err)
	}
	for _, own := range t.documents(given.policies) { // as if they were applied
		documents = slices.DeleteFunc(documents, func(d review.Document) bool { return d.Namespace == own.Namespace && d.Name == own.Name })
		documents = append(documents, own)
	}
	return policy.ReadSet(documents, env.Now()), nil
}

// setOfFiles reads --policies: .rego files, those of one folder being one source, and
// ConfigMaps, and adds those of -f and --data.
func (t *policyTest) setOfFiles(env *Environment, policies []manifest) (policy.Set, error) {
	folders := map[string]map[string]string{}
	configs := resource.FilenameOptions{}
	for _, path := range t.policies {
		isFolder := false
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				isFolder = true
			case filepath.Ext(file) == ".rego":
				return addRego(folders, file)
			case filepath.Ext(file) == ".yaml" || filepath.Ext(file) == ".yml" || filepath.Ext(file) == ".json":
				configs.Filenames = append(configs.Filenames, file)
			case !isFolder:
				return fmt.Errorf("%s is neither a .rego file nor a manifest", file)
			}
			return nil
		})
		if err != nil {
			return policy.Set{}, Hinted(fmt.Errorf("read policies: %w", err), "--policies takes .rego files, ConfigMaps in YAML or JSON, and folders of them")
		}
	}
	var sources []policy.Source
	for folder, files := range folders {
		sources = append(sources, policy.Source{Name: folder, Files: files})
	}
	if len(configs.Filenames) > 0 {
		manifests, err := readManifests(env, &configs)
		if err != nil {
			return policy.Set{}, err
		}
		for _, m := range manifests {
			if _, labelled := m.GetLabels()[review.LabelPolicy]; m.GetKind() == "ConfigMap" && labelled {
				policies = append(policies, m)
			}
		}
	}
	if len(policies) == 0 && len(sources) == 0 {
		return policy.Set{}, Hinted(fmt.Errorf("there are no policies in %s", strings.Join(t.policies, ", ")), "a ConfigMap of policies has the label %s", review.LabelPolicy)
	}
	set := policy.ReadSet(t.documents(policies), env.Now())
	set.Sources = append(set.Sources, sources...)
	return set, nil
}

// addRego adds a file, and its tests where they stand beside it, to those of its folder.
func addRego(folders map[string]map[string]string, file string) error {
	folder, name := filepath.Dir(file), filepath.Base(file)
	if folders[folder] == nil {
		folders[folder] = map[string]string{}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	folders[folder][name] = string(text)
	tests := strings.TrimSuffix(name, ".rego") + "_test.rego"
	if text, err = os.ReadFile(filepath.Join(folder, tests)); err == nil {
		folders[folder][tests] = string(text)
	}
	return nil
}

// documents returns ConfigMaps. Where one names no namespace, it is the one that policies
// are read from.
func (t *policyTest) documents(manifests []manifest) []review.Document {
	documents := make([]review.Document, len(manifests))
	for i, m := range manifests {
		documents[i] = provision.PolicyDocument(m.Unstructured)
		if documents[i].Namespace == "" {
			documents[i].Namespace = t.place.namespace
		}
	}
	return documents
}
