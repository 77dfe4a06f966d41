package check

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// The names of what is installed.
const (
	// WebhookName is that of the webhook's Deployment and Service.
	WebhookName = install.WebhookName
	// ConfigurationName is that of the two webhook configurations.
	ConfigurationName = "dbtether"
	// CertificateName is that of the Secret with the webhook's certificate.
	CertificateName = "dbtether-webhook-certificate"
)

// Webhook is the webhook, and how the API server reaches it.
type Webhook struct {
	Shipped              Shipped
	Mutating, Validating Objects
	Deployment, Service  Objects
	// EndpointSlices are those of the Service.
	EndpointSlices Objects
	// Certificate is the Secret with the serving certificate, nil where there is none.
	Certificate    *corev1.Secret
	CertificateErr error
	Answer         Answer
	// Replicas are those that say of themselves what they are; Own is the version of this
	// program.
	Replicas    []Replica
	ReplicasErr error
	Own         string
	Now         time.Time
}

// The checks of the webhook.
const (
	checkWebhookRead      = "webhook-read"
	checkWebhookInstalled = "webhook-installed"
	checkEntries          = "webhook-entries"
	checkEntriesShipped   = "webhook-shipped"
	checkReached          = "webhook-reached"
	checkTrust            = "webhook-authority"
	checkCertificate      = "webhook-certificate"
	checkReplicas         = "webhook-replicas"
	checkEndpoints        = "webhook-endpoints"
	checkAnswer           = "webhook-answer"
	checkWebhookVersion   = "webhook-version"
)

const fixRestart = "run: kubectl rollout restart deployment/" + WebhookName + " -n " + v1alpha1.SystemNamespace

// Findings returns what is found of it. No trace of a webhook is a warning: the plugin
// works without.
func (w Webhook) Findings() []Finding {
	var f findings
	unread := f.unread(checkWebhookRead, "the mutating webhook configurations", w.Mutating.Err)
	if unread = f.unread(checkWebhookRead, "the validating webhook configurations", w.Validating.Err) || unread; unread {
		w.answer(&f)
		return f
	}
	mutating, validating := w.Mutating.named(ConfigurationName), w.Validating.named(ConfigurationName)
	if mutating == nil && validating == nil && len(w.Deployment.Items) == 0 {
		f.add(checkWebhookInstalled, LevelWarning, fixInstall,
			"the webhook is not installed: pods get no credentials, and policies judge only what kubectl dbtether provisions")
		return f
	}
	entries := w.entries(&f, mutating, validating)
	w.service(&f, entries)
	w.version(&f)
	w.trust(&f, entries)
	w.answer(&f)
	return f
}

// entries compares the entries with those that are shipped and returns those that the
// API server has of ours.
func (w Webhook) entries(f *findings, configurations ...*unstructured.Unstructured) []map[string]any {
	var ours []map[string]any
	missing, shipped := 0, 0
	for i, kind := range []string{kindMutating, kindValidating} {
		if configurations[i] == nil {
			f.add(checkEntries, LevelError, fixReinstall, "the %s %s is not there", kind, ConfigurationName)
			missing++
			continue
		}
		have := objectsAt(configurations[i].Object, "webhooks")
		for _, want := range w.Shipped.entries(kind) {
			shipped++
			at := slices.IndexFunc(have, func(e map[string]any) bool { return e["name"] == want["name"] })
			if at < 0 {
				f.add(checkEntries, LevelError, fixReinstall, "the %s %s has no entry %s", kind, ConfigurationName, want["name"])
				missing++
				continue
			}
			f.entry(want, have[at])
			ours = append(ours, have[at])
		}
		f.foreign(kind, w.Shipped.entries(kind), have)
	}
	if missing == 0 {
		f.ok(checkEntries, "the webhook configurations have all %d entries", shipped)
		f.okUnless(checkEntriesShipped, "they are as this version ships them")
	}
	return ours
}

// entry says what of an entry is not as it is shipped. How the webhook is reached and
// whom to trust is written at run time.
func (f *findings) entry(want, have map[string]any) {
	paths := differences(withoutField(want, "clientConfig"), withoutField(have, "clientConfig"), "")
	if len(paths) > 0 {
		f.add(checkEntriesShipped, LevelWarning, fixReinstall, "the entry %s is not as this version ships it: %s", have["name"], few(paths))
	}
	standing := textAt(have, "clientConfig", "service", "path")
	if u, err := url.Parse(textAt(have, "clientConfig", "url")); err == nil && u.Path != "" {
		standing = u.Path
	}
	if path := textAt(want, "clientConfig", "service", "path"); path != standing {
		f.add(checkReached, LevelError, fixReinstall, "the entry %s is called at the path %q, where %q answers it", have["name"], standing, path)
	}
}

// foreign says which entries this version does not have.
func (f *findings) foreign(kind string, shipped, have []map[string]any) {
	for _, entry := range have {
		if !slices.ContainsFunc(shipped, func(e map[string]any) bool { return e["name"] == entry["name"] }) {
			f.add(checkEntriesShipped, LevelWarning, fixReinstall, "the %s %s has an entry %s, which is none of this version", kind, ConfigurationName, entry["name"])
		}
	}
}

func withoutField(object map[string]any, name string) map[string]any {
	rest := map[string]any{}
	for field, value := range object {
		if field != name {
			rest[field] = value
		}
	}
	return rest
}

// service looks at what stands behind the entries: the Service, its endpoints and the
// Deployment. What is called by a URL is looked at as far as it is there.
func (w Webhook) service(f *findings, entries []map[string]any) {
	var urls []string
	for _, entry := range entries {
		if host := hostOf(entry); textAt(entry, "clientConfig", "url") != "" && !slices.Contains(urls, host) {
			urls = append(urls, host)
		}
	}
	if len(urls) > 0 {
		f.add(checkReached, LevelNote, "", "the webhook is called at %s, not through its Service", strings.Join(urls, ", "))
	}
	w.deployment(f, len(urls) > 0)
	w.endpoints(f, len(urls) > 0)
}

func (w Webhook) deployment(f *findings, elsewhere bool) {
	if f.unread(checkReplicas, "the webhook's replicas", w.Deployment.Err) {
		return
	}
	deployment := w.Deployment.named(WebhookName)
	if deployment == nil {
		if !elsewhere {
			f.add(checkReplicas, LevelError, fixReinstall, "the Deployment %s/%s is not there", v1alpha1.SystemNamespace, WebhookName)
		}
		return
	}
	f.replicas(checkReplicas, deployment, "the webhook")
}

// replicas says how many of a Deployment's replicas are ready. None is an error.
func (f *findings) replicas(check string, deployment *unstructured.Unstructured, what string) {
	wanted, found := numberAt(deployment.Object, "spec", "replicas")
	if !found {
		wanted = 1
	}
	ready, _ := numberAt(deployment.Object, "status", "readyReplicas")
	object := deployment.GetNamespace() + "/" + deployment.GetName()
	fix := fmt.Sprintf("see why: kubectl describe pods -n %[2]s -l app.kubernetes.io/component=%[3]s, and kubectl logs deployment/%[1]s -n %[2]s",
		deployment.GetName(), deployment.GetNamespace(), strings.TrimPrefix(deployment.GetName(), "dbtether-"))
	switch {
	case wanted == 0:
		f.add(check, LevelError, fmt.Sprintf("run: kubectl scale deployment %s -n %s --replicas=2", deployment.GetName(), deployment.GetNamespace()),
			"the Deployment %s is scaled to nothing: %s does not run", object, what)
	case ready == 0:
		f.add(check, LevelError, fix, "no replica of %s is ready (Deployment %s, %d wanted)", what, object, wanted)
	case ready < wanted:
		f.add(check, LevelWarning, fix, "%d of %d replicas of %s are ready (Deployment %s)", ready, wanted, what, object)
	default:
		f.ok(check, "%d of %d replicas of %s are ready", ready, wanted, what)
	}
}

func (w Webhook) endpoints(f *findings, elsewhere bool) {
	unread := f.unread(checkEndpoints, "the webhook's Service", w.Service.Err)
	if unread = f.unread(checkEndpoints, "the EndpointSlices of the webhook's Service", w.EndpointSlices.Err) || unread; unread {
		return
	}
	if w.Service.named(WebhookName) == nil {
		if !elsewhere {
			f.add(checkEndpoints, LevelError, fixReinstall, "the Service %s/%s is not there", v1alpha1.SystemNamespace, WebhookName)
		}
		return
	}
	ready := 0
	for _, slice := range w.EndpointSlices.Items {
		for _, endpoint := range objectsAt(slice.Object, "endpoints") {
			// Not said counts as ready (discovery.k8s.io/v1).
			if is, said, _ := unstructured.NestedBool(endpoint, "conditions", "ready"); is || !said {
				ready++
			}
		}
	}
	if ready == 0 {
		f.add(checkEndpoints, LevelError, "see whether its pods run and are ready: kubectl get pods -n "+v1alpha1.SystemNamespace+"; and whether the Service selects them",
			"the Service %s/%s has no ready endpoint: the API server reaches no webhook", v1alpha1.SystemNamespace, WebhookName)
		return
	}
	f.ok(checkEndpoints, "its Service has %s", plural(ready, "ready endpoint"))
}

// hostOf returns the name that the certificate behind an entry has to be for.
func hostOf(entry map[string]any) string {
	if text := textAt(entry, "clientConfig", "url"); text != "" {
		u, err := url.Parse(text)
		if err != nil {
			return text
		}
		return u.Hostname()
	}
	return textAt(entry, "clientConfig", "service", "name") + "." + textAt(entry, "clientConfig", "service", "namespace") + ".svc"
}
