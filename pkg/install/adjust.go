package install

import (
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// What the webhook's certificate from cert-manager is called, and where it is mounted.
const (
	certificateName   = WebhookName
	certificateSecret = "dbtether-webhook-tls"
	certificateFolder = "/tls"
	injectAuthority   = "cert-manager.io/inject-ca-from"
)

// ClientCAKey is the key with the authorities in the ConfigMap ClientCA.
const ClientCAKey = "ca.crt"

// What that ConfigMap is called in the webhook's pod, and where it is mounted.
const (
	clientCAVolume = "client-ca"
	clientCAFolder = "/client-ca"
)

// WebhookName is that of the webhook's Deployment and Service.
const WebhookName = "dbtether-webhook"

// runsTheWebhook says whether an object is there for the pods of the webhook.
func runsTheWebhook(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "Deployment", "Service", "PodDisruptionBudget":
		return object.GetName() == WebhookName
	}
	return false
}

// adjust sets in an object of the manifests what the parameters say.
func (p Parameters) adjust(object *unstructured.Unstructured) {
	switch {
	case object.GetKind() == "Deployment":
		p.adjustPod(object, "spec", "template")
	case object.GetKind() == "CronJob":
		set(object, p.Schedule, "spec", "schedule")
		p.adjustPod(object, "spec", "jobTemplate", "spec", "template")
	case isWebhookConfiguration(object):
		p.adjustConfiguration(object)
	}
	if object.GetKind() == "Deployment" && object.GetName() == WebhookName {
		p.adjustWebhook(object)
	}
}

// adjustPod sets in a pod's template what all pods have.
func (p Parameters) adjustPod(object *unstructured.Unstructured, template ...string) {
	at := func(fields ...string) []string { return append(append([]string{}, template...), fields...) }
	labels, _, _ := unstructured.NestedMap(object.Object, at("metadata", "labels")...)
	for key, value := range p.PodLabels {
		labels[key] = value
	}
	set(object, labels, at("metadata", "labels")...)
	if len(p.ImagePullSecrets) > 0 {
		var names []any
		for _, name := range p.ImagePullSecrets {
			names = append(names, map[string]any{"name": name})
		}
		set(object, names, at("spec", "imagePullSecrets")...)
	}
	eachContainer(object, at("spec", "containers"), func(container map[string]any) {
		image, _, _ := strings.Cut(container["image"].(string), ":")
		container["image"] = p.ImagePrefix + "/" + path.Base(image) + ":" + p.Version
		container["resources"] = map[string]any{
			"requests": map[string]any{"cpu": p.CPU, "memory": p.Memory},
			"limits":   map[string]any{"memory": p.MemoryLimit},
		}
	})
}

// eachContainer changes the containers of a pod.
func eachContainer(object *unstructured.Unstructured, at []string, change func(map[string]any)) {
	containers, _, _ := unstructured.NestedSlice(object.Object, at...)
	for _, container := range containers {
		change(container.(map[string]any))
	}
	set(object, containers, at...)
}

// adjustWebhook sets what is the webhook's alone.
func (p Parameters) adjustWebhook(object *unstructured.Unstructured) {
	set(object, p.Replicas, "spec", "replicas")
	eachContainer(object, []string{"spec", "template", "spec", "containers"}, func(container map[string]any) {
		args := container["args"].([]any)
		if p.Debug {
			args = append(args, "--debug")
		}
		if p.ClientCA != "" {
			args = append(args, "--client-ca-file="+clientCAFolder+"/"+ClientCAKey)
			for _, name := range p.ClientNames {
				args = append(args, "--client-name="+name)
			}
			mount(object, container, clientCAVolume, clientCAFolder, "configMap", map[string]any{"name": p.ClientCA})
		}
		if p.Certificate == CertificateCertManager {
			args = append(args, "--cert-file="+certificateFolder+"/tls.crt", "--key-file="+certificateFolder+"/tls.key")
			mount(object, container, "tls", certificateFolder, "secret", map[string]any{"secretName": certificateSecret})
		}
		container["args"] = args
	})
}

// mount adds a volume to a Deployment and mounts it into a container of it.
func mount(object *unstructured.Unstructured, container map[string]any, name, folder, kind string, source map[string]any) {
	mounts, _ := container["volumeMounts"].([]any)
	container["volumeMounts"] = append(mounts, map[string]any{"name": name, "mountPath": folder, "readOnly": true})
	at := []string{"spec", "template", "spec", "volumes"}
	volumes, _, _ := unstructured.NestedSlice(object.Object, at...)
	set(object, append(volumes, map[string]any{"name": name, kind: source}), at...)
}

// adjustConfiguration says how the API server reaches the webhook, and who writes whom
// to trust.
func (p Parameters) adjustConfiguration(object *unstructured.Unstructured) {
	if p.Certificate == CertificateCertManager {
		object.SetAnnotations(map[string]string{injectAuthority: v1alpha1.SystemNamespace + "/" + certificateName})
	}
	if p.WebhookURL == "" {
		return
	}
	eachWebhook(object, func(entry map[string]any) {
		service, _, _ := unstructured.NestedString(entry, "clientConfig", "service", "path")
		entry["clientConfig"] = map[string]any{"url": p.WebhookURL + service}
	})
}

// eachWebhook changes the entries of a webhook configuration.
func eachWebhook(object *unstructured.Unstructured, change func(entry map[string]any)) {
	entries, _, _ := unstructured.NestedSlice(object.Object, "webhooks")
	for _, entry := range entries {
		change(entry.(map[string]any))
	}
	set(object, entries, "webhooks")
}

// set sets a field. The values are ours and the fields above are objects in the
// manifests, which the tests render in every way; so it cannot fail.
func set(object *unstructured.Unstructured, value any, fields ...string) {
	if err := unstructured.SetNestedField(object.Object, value, fields...); err != nil {
		panic(err)
	}
}
