package install

import "testing"

func TestParametersThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		change func(*Parameters)
		want   string
	}{
		{func(p *Parameters) { p.ImagePrefix = "https://registry.example.com/x" }, `image prefix "https://registry.example.com/x" is not like registry/folder`},
		{func(p *Parameters) { p.Version = "(devel)" }, `version "(devel)" is not the tag of an image, such as v0.1.0`},
		{func(p *Parameters) { p.ImagePullSecrets = []string{"No"} }, `"No" is not the name of a Secret`},
		{func(p *Parameters) { p.Replicas = 0 }, "0 replicas of the webhook are none: at least one has to answer"},
		{func(p *Parameters) { p.Certificate = "x" }, `certificate "x" is not one of self, cert-manager`},
		{func(p *Parameters) { p.Runner = "x" }, `runner "x" is not one of none, cronjob, watch`},
		{func(p *Parameters) { p.Schedule = "hourly" }, `schedule "hourly" does not have five fields, such as */5 * * * *`},
		{func(p *Parameters) { p.WebhookURL = "http://x" }, `webhook URL "http://x" is not like https://host:port`},
		{func(p *Parameters) { p.WebhookURL = "https://x/" }, `webhook URL "https://x/" is not like https://host:port`},
		{func(p *Parameters) { p.WebhookURL = "https://x?" }, `webhook URL "https://x?" is not like https://host:port`},
		{func(p *Parameters) { p.WebhookURL = "https://x#y" }, `webhook URL "https://x#y" is not like https://host:port`},
		{func(p *Parameters) { p.WebhookURL, p.Certificate = "https://x", CertificateCertManager }, "a webhook that runs elsewhere brings its certificate: cert-manager does not issue it"},
		{func(p *Parameters) { p.ClientNames = []string{"x"} }, "names of clients say nothing without the ConfigMap with their authority"},
		{func(p *Parameters) { p.ClientCA, p.ClientNames = "No", []string{"-x"} }, "\"No\" is not the name of a ConfigMap\n\"-x\" is not the name of a client certificate, such as kube-apiserver"},
		{func(p *Parameters) { p.WebhookURL, p.ClientCA = "https://x", "x" }, "a webhook that runs elsewhere is told there who may ask it"},
		{func(p *Parameters) { p.CPU, p.MemoryLimit = "much", "-1" }, "cpu \"much\" is not a quantity such as 100m or 128Mi\nmemory limit \"-1\" is not a quantity such as 100m or 128Mi"},
		{func(p *Parameters) { p.PodLabels = map[string]string{labelComponent: "x"} }, "pod label app.kubernetes.io/component=x: it is one of dbtether's own"},
	} {
		p := defaults()
		c.change(&p)
		if _, err := Render(p); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
