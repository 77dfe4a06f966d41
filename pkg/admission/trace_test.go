package admission

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestTracesAndLogLevel lets a webhook send its spans to a collector, and changes what it
// logs while it runs.
func TestTracesAndLogLevel(t *testing.T) {
	collector, err := testenv.StartCollector()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(collector.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
	c := newClusterOf(t, testenv.ControlPlaneOptions{})
	debug := freeAddress(t)
	c.webhook = c.startWebhook(t, "--drain=0s", "--cert-secret=", "--debug=false", "--log-allows=0", "--pprof", "--debug-listen="+debug)
	c.webhook.waitReady(t)
	eventually(t, "the API server calls the webhook", c.asks)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	inject := func(name string) {
		t.Helper()
		c.must(t, podNamed(name, "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	}

	inject("quiet")
	setLevel(t, debug, "debug")
	inject("loud")
	setLevel(t, debug, "info")
	inject("quiet-again")
	if text := c.webhook.text(); strings.Count(text, `"entry":"inject"`) != 1 || !strings.Contains(text, `"name":"loud"`) || !strings.Contains(text, `"trace_id":"`) {
		t.Errorf("the log has not the one pod that was created while all reviews were logged:\n%s", text)
	}
	if code, _, err := get("http://" + debug + "/debug/pprof/heap"); err != nil || code != http.StatusOK {
		t.Errorf("the profile of the heap: %d, %v", code, err)
	}
	if code, _, err := get(c.webhook.metrics + "/debug/pprof/heap"); err != nil || code != http.StatusNotFound {
		t.Errorf("the profile of the heap beside the metrics: %d, %v", code, err)
	}

	for root, below := range map[string]string{"review inject": "\n", "review enforce": "\n  evaluate policies\n"} {
		eventually(t, "the collector has "+root, func() error {
			if tree := collector.Tree(root); strings.Count(tree, root+below) < 3 {
				return errors.New(tree)
			}
			return nil
		})
	}
	for _, s := range collector.Spans() {
		if strings.Contains(s.String(), "registry.example") {
			t.Errorf("a span has something of a pod: %s", s)
		}
	}
}

func setLevel(t *testing.T, address, level string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/loglevel", strings.NewReader(level))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
}
