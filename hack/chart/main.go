// Command chart writes the templates of the Helm chart from the objects that the
// command install applies, so that both are the same:
//
//	go run ./hack/chart --out manifests/chart/templates
//
// It renders them with values that occur nowhere else and puts the chart's values in
// their place.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

func main() {
	out := flag.String("out", filepath.Join("manifests", "chart", "templates"), "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	files, err := templates()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// replacements are what stands in the rendered objects and what takes its place.
var replacements = strings.NewReplacer(
	"chart-prefix", "{{ .Values.images.prefix }}",
	"chart-version", "{{ .Values.images.version | default .Chart.AppVersion }}",
	"      imagePullSecrets:\n      - name: chart-pull-secret\n", pullSecrets("      "),
	"          imagePullSecrets:\n          - name: chart-pull-secret\n", pullSecrets("          "),
	"replicas: 987654321", "replicas: {{ .Values.webhook.replicas }}",
	"schedule: 1 2 3 4 5", "schedule: {{ .Values.runner.schedule | quote }}",
	"cpu: 987654321m", "cpu: {{ .Values.resources.cpu | quote }}",
	"memory: 987654322Mi", "memory: {{ .Values.resources.memory | quote }}",
	"memory: 987654323Mi", "memory: {{ .Values.resources.memoryLimit | quote }}",
	"        - --debug\n", "        {{- if .Values.webhook.debug }}\n        - --debug\n        {{- end }}\n",
	"        - --client-ca-file=/client-ca/ca.crt\n        - --client-name=chart-client-name\n", whereClientCA("        - --client-ca-file=/client-ca/ca.crt\n"+
		"        {{- range .Values.webhook.clientCA.names }}\n        - {{ printf \"--client-name=%s\" . | quote }}\n        {{- end }}\n"),
	"        volumeMounts:\n"+clientCAMount+"        - mountPath: /tls\n", "        volumeMounts:\n"+whereClientCA(clientCAMount)+"        - mountPath: /tls\n",
	"        volumeMounts:\n"+clientCAMount, whereClientCA("        volumeMounts:\n"+clientCAMount),
	"      volumes:\n"+clientCAVolume("chart-client-ca")+"      - name: tls\n", "      volumes:\n"+whereClientCA(clientCAVolume("{{ .Values.webhook.clientCA.configMap | quote }}"))+"      - name: tls\n",
	"      volumes:\n"+clientCAVolume("chart-client-ca"), whereClientCA("      volumes:\n"+clientCAVolume("{{ .Values.webhook.clientCA.configMap | quote }}")),
	"        chart-label: x\n", podLabels("        "),
	"            chart-label: x\n", podLabels("            "),
	"https://chart-url", "{{ .Values.webhook.url }}",
	install.LabelManagedBy+": "+install.ManagedBy, install.LabelManagedBy+": {{ .Release.Service }}",
)

const clientCAMount = "        - mountPath: /client-ca\n          name: client-ca\n          readOnly: true\n"

func clientCAVolume(configMap string) string {
	return "      - configMap:\n          name: " + configMap + "\n        name: client-ca\n"
}

// whereClientCA keeps lines where the webhook is told who may ask.
func whereClientCA(lines string) string {
	indent := lines[:len(lines)-len(strings.TrimLeft(lines, " "))]
	return indent + "{{- if .Values.webhook.clientCA.configMap }}\n" + lines + indent + "{{- end }}\n"
}

func pullSecrets(indent string) string {
	return indent + "{{- with .Values.images.pullSecrets }}\n" + indent + "imagePullSecrets:\n" +
		indent + "{{- range . }}\n" + indent + "- name: {{ . }}\n" + indent + "{{- end }}\n" + indent + "{{- end }}\n"
}

func podLabels(indent string) string {
	return indent + "{{- range $key, $value := .Values.podLabels }}\n" + indent + "{{ $key }}: {{ $value | quote }}\n" + indent + "{{- end }}\n"
}

// variant is a way of rendering, and when the chart takes it.
type variant struct {
	condition string
	change    func(*install.Parameters)
}

// The ways in which the webhook is reached exclude each other, and so do those in which
// the runner runs.
var (
	webhooks = []variant{
		{"if .Values.webhook.url", func(p *install.Parameters) {
			p.WebhookURL, p.ClientCA, p.ClientNames = "https://chart-url", "", nil
		}},
		{`else if eq .Values.webhook.certificate "cert-manager"`, func(p *install.Parameters) { p.Certificate = install.CertificateCertManager }},
		{"else", func(*install.Parameters) {}},
	}
	runners = []variant{
		{`if eq .Values.runner.mode "cronjob"`, func(p *install.Parameters) { p.Runner = install.RunnerCronJob }},
		{`else if eq .Values.runner.mode "watch"`, func(p *install.Parameters) { p.Runner = install.RunnerWatch }},
		{"else", func(*install.Parameters) {}},
	}
)

// templates returns the files of the folder templates by their names.
func templates() (map[string]string, error) {
	all, err := install.Everything()
	if err != nil {
		return nil, err
	}
	webhook, err := renderEach(webhooks)
	if err != nil {
		return nil, err
	}
	runner, err := renderEach(runners)
	if err != nil {
		return nil, err
	}
	files := map[string]string{"namespace.yaml": namespaceTemplate}
	for _, object := range all {
		title := install.Title(object)
		text := template(webhooks, webhook, title)
		if text == "" {
			text = template(runners, runner, title)
		}
		switch object.GetKind() {
		case "Namespace":
			continue
		case "CustomResourceDefinition":
			text = "{{- if .Values.definitions }}\n" + text + "{{- end }}\n"
		}
		files[fileOf(object)] += text
	}
	return files, nil
}

// namespaceTemplate refuses other namespaces. Helm makes the namespace of a release
// itself, so the chart cannot.
const namespaceTemplate = `{{- if ne .Release.Namespace "` + v1alpha1.SystemNamespace + `" }}
{{- fail "dbtether lives in one namespace: add --namespace ` + v1alpha1.SystemNamespace + ` --create-namespace" }}
{{- end }}
{{- if and .Values.webhook.url (eq .Values.webhook.certificate "cert-manager") }}
{{- fail "a webhook that runs elsewhere brings its certificate: set webhook.url or webhook.certificate, not both" }}
{{- end }}
{{- if and .Values.webhook.url .Values.webhook.clientCA.configMap }}
{{- fail "a webhook that runs elsewhere is told there who may ask it: set webhook.url or webhook.clientCA, not both" }}
{{- end }}
{{- if and .Values.webhook.clientCA.names (not .Values.webhook.clientCA.configMap) }}
{{- fail "names of clients say nothing without webhook.clientCA.configMap, the ConfigMap with their authority" }}
{{- end }}
`

func fileOf(object *unstructured.Unstructured) string {
	switch kind := object.GetKind(); {
	case strings.HasSuffix(object.GetName(), "-runner"):
		return "runner.yaml"
	case kind == "CustomResourceDefinition":
		return "definitions.yaml"
	case strings.HasPrefix(kind, "ValidatingAdmissionPolicy"):
		return "policies.yaml"
	case strings.HasSuffix(kind, "WebhookConfiguration"):
		return "configurations.yaml"
	case strings.Contains(kind, "Role"), kind == "ServiceAccount":
		return "rbac.yaml"
	}
	return "webhook.yaml"
}

// renderEach returns, for each variant, the text of each object by its title.
func renderEach(variants []variant) ([]map[string]string, error) {
	var rendered []map[string]string
	for _, v := range variants {
		p := install.Parameters{
			ImagePrefix: "chart-prefix", Version: "chart-version", ImagePullSecrets: []string{"chart-pull-secret"},
			Replicas: 987654321, Certificate: install.CertificateSelf, Runner: install.RunnerNone, Schedule: "1 2 3 4 5",
			CPU: "987654321m", Memory: "987654322Mi", MemoryLimit: "987654323Mi", Debug: true, ClientCA: "chart-client-ca", ClientNames: []string{"chart-client-name"}, PodLabels: map[string]string{"chart-label": "x"},
		}
		v.change(&p)
		objects, err := install.Render(p)
		if err != nil {
			return nil, err
		}
		texts := map[string]string{}
		for _, object := range objects {
			if texts[install.Title(object)], err = text(object); err != nil {
				return nil, err
			}
		}
		rendered = append(rendered, texts)
	}
	return rendered, nil
}

// text returns an object as a template of Helm's.
func text(object *unstructured.Unstructured) (string, error) {
	if object.GetKind() == "CustomResourceDefinition" {
		annotations := object.GetAnnotations()
		annotations["helm.sh/resource-policy"] = "keep"
		object.SetAnnotations(annotations)
	}
	out, err := yaml.Marshal(object.Object)
	if err != nil {
		return "", err
	}
	if strings.Contains(string(out), "{{") {
		return "", fmt.Errorf("%s: Helm would take what is in it for a template", install.Title(object))
	}
	return "---\n" + replacements.Replace(string(out)), nil
}

// template returns the text of one object: as it is where all variants have the same,
// and otherwise each under its condition.
func template(variants []variant, rendered []map[string]string, title string) string {
	same := true
	for _, texts := range rendered {
		same = same && texts[title] == rendered[0][title]
	}
	if same {
		return rendered[0][title]
	}
	var all strings.Builder
	for i, v := range variants {
		all.WriteString("{{- " + v.condition + " }}\n" + rendered[i][title])
	}
	return all.String() + "{{- end }}\n"
}
