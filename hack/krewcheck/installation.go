package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// compareInstallation checks that the manifest of the release holds what the plugin that
// krew has installed in root would apply.
func (k krew) compareInstallation(ctx context.Context, root, manifest string, log func(format string, a ...any)) error {
	printed, err := k.kubectlOf(ctx, root, "dbtether", "install", "--dry-run=client", "-o", "yaml")
	if err != nil {
		return err
	}
	written, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	count, err := sameObjects(printed, string(written))
	if err != nil {
		return err
	}
	log("install.yaml has the %d objects that kubectl dbtether install applies", count)
	return nil
}

// sameObjects returns how many objects both have, in the same order. It does no I/O.
func sameObjects(printed, written string) (int, error) {
	ours, err := documents(printed)
	if err != nil {
		return 0, fmt.Errorf("read what install prints: %w", err)
	}
	theirs, err := documents(written)
	if err != nil {
		return 0, fmt.Errorf("read install.yaml: %w", err)
	}
	if len(ours) == 0 || len(ours) != len(theirs) {
		return 0, fmt.Errorf("install prints %d objects, install.yaml has %d", len(ours), len(theirs))
	}
	for i, object := range ours {
		if !reflect.DeepEqual(object, theirs[i]) {
			return 0, fmt.Errorf("object %d differs: install prints\n%v\ninstall.yaml has\n%v", i+1, object, theirs[i])
		}
	}
	return len(ours), nil
}

// documents returns those of a YAML file that are not empty.
func documents(text string) ([]map[string]any, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	var all []map[string]any
	for {
		var document map[string]any
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(document) > 0:
			all = append(all, document)
		}
	}
}
