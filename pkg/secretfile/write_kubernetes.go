package secretfile

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// ourPrefix begins the labels and annotations by which dbtether knows a Secret. They say
// what it is in its cluster, and do not travel.
const ourPrefix = "dbtether.io/"

// writeKubernetes returns a manifest for each item: its name, labels, type and content.
func writeKubernetes(items []Item) []byte {
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteString("---\n")
		}
		writeManifest(&b, item)
	}
	return []byte(b.String())
}

func writeManifest(b *strings.Builder, item Item) {
	b.WriteString("apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + yamlWord(item.Name) + "\n")
	if item.Namespace != "" {
		b.WriteString("  namespace: " + yamlWord(item.Namespace) + "\n")
	}
	if labels := foreignLabels(item.Labels); len(labels) > 0 {
		b.WriteString("  labels:\n")
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			b.WriteString("    " + yamlWord(key) + ": " + yamlWord(labels[key]) + "\n")
		}
	}
	if item.Type != "" {
		b.WriteString("type: " + yamlWord(item.Type) + "\n")
	}
	if len(item.Data) == 0 {
		b.WriteString("data: {}\n")
		return
	}
	b.WriteString("data:\n")
	for _, key := range item.Data.Keys() {
		b.WriteString("  " + yamlWord(key) + ": " + yamlWord(base64.StdEncoding.EncodeToString(item.Data[key])) + "\n")
	}
}

// foreignLabels returns the labels that are not ours; nil for none.
func foreignLabels(labels map[string]string) map[string]string {
	var foreign map[string]string
	for key, value := range labels {
		if strings.HasPrefix(key, ourPrefix) {
			continue
		}
		if foreign == nil {
			foreign = map[string]string{}
		}
		foreign[key] = value
	}
	return foreign
}
