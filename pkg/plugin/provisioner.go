package plugin

import (
	"context"

	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
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

// provisionerWithProgress returns a provisioner and the progress line that shows its steps.
// end closes both. It connects to nothing.
func (e *Environment) provisionerWithProgress() (p *provision.Provisioner, line *progress, end func(), err error) {
	line = e.newProgress()
	if p, err = e.provisioner(line); err != nil {
		return nil, nil, nil, err
	}
	return p, line, func() {
		p.Close()
		line.done()
	}, nil
}
