package main

import (
	"bytes"
	"context"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// manifests writes install.yaml: what `kubectl dbtether install` of the version applies
// by default.
func (m *making) manifests(context.Context) error {
	text, err := installation(m.version, m.imagePrefix())
	if err != nil {
		return err
	}
	return m.write("install.yaml", text)
}

// installation returns the objects of an installation in their order. It does no I/O.
func installation(version, imagePrefix string) ([]byte, error) {
	parameters := install.Defaults(version)
	parameters.ImagePrefix = imagePrefix
	objects, err := install.Render(parameters)
	if err != nil {
		return nil, fmt.Errorf("render the installation: %w", err)
	}
	text := bytes.NewBufferString("# dbtether " + version + ": kubectl apply --server-side -f install.yaml\n")
	for _, object := range objects {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, err
		}
		text.WriteString("---\n")
		text.Write(document)
	}
	return text.Bytes(), nil
}
