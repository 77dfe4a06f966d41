package main

import (
	"bytes"
	"fmt"
	"text/template"
)

// render returns the manifest for krew: the template with the version and, for
// each artifact, its selector, URI, hash and program. It does no I/O.
func render(text, version string, artifacts []artifact) ([]byte, error) {
	parsed, err := template.New("krew/dbtether.yaml.tmpl").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var manifest bytes.Buffer
	err = parsed.Execute(&manifest, struct {
		Version   string
		Artifacts []artifact
	}{version, artifacts})
	if err != nil {
		return nil, fmt.Errorf("render the manifest: %w", err)
	}
	return manifest.Bytes(), nil
}
