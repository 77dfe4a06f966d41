package plugin

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// provisioner returns what turns resources into databases, telling progress of
// each step. It connects to nothing.
func (e *Environment) provisioner(progress *progress) (*provision.Provisioner, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return nil, err
	}
	secrets, err := e.Secrets()
	if err != nil {
		return nil, err
	}
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &provision.Provisioner{
		Kube: kube, Secrets: secrets, Metadata: meta, Now: e.Now, Random: e.Random,
		Author: func(ctx context.Context) (string, error) {
			user, err := e.identity(ctx)
			return user.Username, err
		},
		Identity:  e.identity,
		Direct:    e.Getenv("KUBERNETES_SERVICE_HOST") != "",
		Forward:   e.forward,
		LookupEnv: func(name string) (string, bool) { value := e.Getenv(name); return value, value != "" },
		Progress:  func(text string) { progress.step("%s …", text) },
	}, nil
}

// identity returns who the API server says the caller is, asked once.
func (e *Environment) identity(ctx context.Context) (review.User, error) {
	e.caller.mu.Lock()
	defer e.caller.mu.Unlock()
	if e.caller.user.Username != "" {
		return e.caller.user, nil
	}
	user, err := e.whoami(ctx)
	if err == nil {
		e.caller.user = user
	}
	return user, err
}

// whoami returns the caller's name and groups from a SelfSubjectReview
// (authentication.k8s.io/v1), which every user may ask for.
func (e *Environment) whoami(ctx context.Context) (review.User, error) {
	kube, err := e.Dynamic()
	if err != nil {
		return review.User{}, err
	}
	gvk := schema.GroupVersionKind{Group: "authentication.k8s.io", Version: "v1", Kind: "SelfSubjectReview"}
	asked := &unstructured.Unstructured{}
	asked.SetGroupVersionKind(gvk)
	answer, err := kube.Resource(gvk.GroupVersion().WithResource("selfsubjectreviews")).Create(ctx, asked, metav1.CreateOptions{})
	if err != nil {
		return review.User{}, err
	}
	name, _, err := unstructured.NestedString(answer.Object, "status", "userInfo", "username")
	if err != nil {
		return review.User{}, err
	}
	groups, _, err := unstructured.NestedStringSlice(answer.Object, "status", "userInfo", "groups")
	return review.User{Username: name, Groups: groups}, err
}

// checkCluster connects to the server of a DBCluster that was just written.
func (e *Environment) checkCluster(ctx context.Context, object *unstructured.Unstructured) error {
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err != nil {
		return err
	}
	progress := e.newProgress()
	defer progress.done()
	p, err := e.provisioner(progress)
	if err != nil {
		return err
	}
	defer p.Close()
	findings, err := p.CheckCluster(ctx, cluster, true)
	for _, f := range findings {
		if err == nil && f.Level == provision.LevelError {
			err = Hinted(fmt.Errorf("%s", f.Text), "%s", f.Fix)
		}
	}
	progress.done()
	if err != nil {
		return fmt.Errorf("DBCluster %q is registered, but: %w", cluster.Name, err)
	}
	for _, f := range findings {
		if f.Level == provision.LevelWarning {
			e.warn("%s: %s", f.Text, f.Fix)
		}
	}
	return nil
}
