package install

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The ways in which the runner runs.
const (
	RunnerNone    = "none"
	RunnerCronJob = "cronjob"
	RunnerWatch   = "watch"
)

// Where the webhook has its certificate from.
const (
	CertificateSelf        = "self"
	CertificateCertManager = "cert-manager"
)

// Runners returns the words that Parameters.Runner takes.
func Runners() []string { return []string{RunnerNone, RunnerCronJob, RunnerWatch} }

// Certificates returns the words that Parameters.Certificate takes.
func Certificates() []string { return []string{CertificateSelf, CertificateCertManager} }

// Parameters are what can be chosen of an installation. They hold nothing secret: the
// record of the installation shows them.
type Parameters struct {
	// ImagePrefix stands before /webhook and /plugin, and Version after the colon.
	ImagePrefix string `json:"imagePrefix"`
	Version     string `json:"version"`
	// ImagePullSecrets are names of Secrets of the namespace.
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
	// Replicas are those of the webhook.
	Replicas int64 `json:"replicas"`
	// WebhookURL, as in https://host:port, is where the API server calls a webhook that
	// somebody runs elsewhere; empty: it runs here.
	WebhookURL string `json:"webhookURL,omitempty"`
	// Certificate is one of Certificates.
	Certificate string `json:"certificate"`
	// ClientCA, if not empty, is the name of a ConfigMap of the namespace whose key
	// ClientCAKey holds the authorities of those who may ask the webhook, and ClientNames
	// are the names of which their certificates have to have one, if there are any.
	ClientCA    string   `json:"clientCA,omitempty"`
	ClientNames []string `json:"clientNames,omitempty"`
	// Runner is one of Runners, and Schedule that of the CronJob.
	Runner   string `json:"runner"`
	Schedule string `json:"schedule"`
	// CPU and Memory are what each pod is promised, MemoryLimit is what it gets at most.
	CPU         string `json:"cpu"`
	Memory      string `json:"memory"`
	MemoryLimit string `json:"memoryLimit"`
	// Debug lets the webhook log every review.
	Debug bool `json:"debug,omitempty"`
	// PodLabels are added to those of all pods.
	PodLabels map[string]string `json:"podLabels,omitempty"`
}

// images stands before the names of the images of this version. The linker sets it where
// a release is made for a registry: its programs install the images that came with it.
var images = "dbtether"

// Defaults returns the parameters that the manifests stand for, with the images of a
// version; those called dev, as in the manifests, where it was never released.
func Defaults(version string) Parameters {
	if !imageTag.MatchString(version) {
		version = "dev"
	}
	return Parameters{
		ImagePrefix: images, Version: version, Replicas: 2, Certificate: CertificateSelf,
		Runner: RunnerNone, Schedule: "*/5 * * * *", CPU: "50m", Memory: "96Mi", MemoryLimit: "512Mi",
	}
}

// The forms of what ends up in an image's name, of the name of a client certificate, and
// of five fields of a schedule or one of its names.
var (
	imagePrefix = regexp.MustCompile(`^[a-z0-9]+([-._/:][a-z0-9]+)*$`)
	imageTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	clientName  = regexp.MustCompile(`^[A-Za-z0-9*][-A-Za-z0-9_.:@*]*$`)
	schedule    = regexp.MustCompile(`^(@[a-z]+|[-0-9A-Za-z*/,?]+( [-0-9A-Za-z*/,?]+){4})$`)
)

// Check returns every parameter that makes no sense, each with what it may be.
func (p Parameters) Check() error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(!imagePrefix.MatchString(p.ImagePrefix), "image prefix %q is not like registry/folder", p.ImagePrefix)
	refuse(!imageTag.MatchString(p.Version), "version %q is not the tag of an image, such as v0.1.0", p.Version)
	for _, name := range p.ImagePullSecrets {
		refuse(len(validation.IsDNS1123Subdomain(name)) > 0, "%q is not the name of a Secret", name)
	}
	refuse(p.Replicas < 1, "%d replicas of the webhook are none: at least one has to answer", p.Replicas)
	refuse(!slices.Contains(Certificates(), p.Certificate), "certificate %q is not one of %s", p.Certificate, strings.Join(Certificates(), ", "))
	refuse(!slices.Contains(Runners(), p.Runner), "runner %q is not one of %s", p.Runner, strings.Join(Runners(), ", "))
	refuse(!schedule.MatchString(p.Schedule), "schedule %q does not have five fields, such as */5 * * * *", p.Schedule)
	refuse(p.WebhookURL != "" && !isWebhookURL(p.WebhookURL), "webhook URL %q is not like https://host:port", p.WebhookURL)
	refuse(p.WebhookURL != "" && p.Certificate == CertificateCertManager, "a webhook that runs elsewhere brings its certificate: cert-manager does not issue it")
	errs = append(errs, p.checkClients()...)
	return errors.Join(append(errs, p.checkPods()...)...)
}

// checkClients returns what is wrong with the parameters of who may ask the webhook.
func (p Parameters) checkClients() (errs []error) {
	if p.ClientCA == "" {
		if len(p.ClientNames) > 0 {
			errs = append(errs, errors.New("names of clients say nothing without the ConfigMap with their authority"))
		}
		return errs
	}
	if len(validation.IsDNS1123Subdomain(p.ClientCA)) > 0 {
		errs = append(errs, fmt.Errorf("%q is not the name of a ConfigMap", p.ClientCA))
	}
	for _, name := range p.ClientNames {
		if !clientName.MatchString(name) {
			errs = append(errs, fmt.Errorf("%q is not the name of a client certificate, such as kube-apiserver", name))
		}
	}
	if p.WebhookURL != "" {
		errs = append(errs, errors.New("a webhook that runs elsewhere is told there who may ask it"))
	}
	return errs
}

// checkPods returns what is wrong with the parameters of pods.
func (p Parameters) checkPods() (errs []error) {
	for _, quantity := range []struct{ name, value string }{{"cpu", p.CPU}, {"memory", p.Memory}, {"memory limit", p.MemoryLimit}} {
		if q, err := resource.ParseQuantity(quantity.value); err != nil || q.Sign() <= 0 {
			errs = append(errs, fmt.Errorf("%s %q is not a quantity such as 100m or 128Mi", quantity.name, quantity.value))
		}
	}
	for _, key := range sortedKeys(p.PodLabels) {
		wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(p.PodLabels[key])...)
		if key == labelName || key == labelComponent || key == LabelManagedBy {
			wrong = append(wrong, "it is one of dbtether's own")
		}
		if len(wrong) > 0 {
			errs = append(errs, fmt.Errorf("pod label %s=%s: %s", key, p.PodLabels[key], wrong[0]))
		}
	}
	return errs
}

// isWebhookURL reports whether a text is a URL of scheme and host only: the path of an
// entry is put behind it.
func isWebhookURL(text string) bool {
	u, err := url.Parse(text)
	_, rest, _ := strings.Cut(text, "://")
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(rest, "/?#")
}
