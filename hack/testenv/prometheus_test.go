package testenv

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestPrometheusScrapes(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# TYPE beside gauge\nbeside{colour=\"red\"} 7\n"))
	}))
	defer target.Close()
	p := OwnPrometheus(t, PrometheusOptions{
		Targets: []PrometheusTarget{{Address: strings.TrimPrefix(target.URL, "http://"), Labels: map[string]string{"pod": "p1"}}}})
	var said string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if said = ask(t, p.URL+"/api/v1/query?query=beside%7Bpod%3D%22p1%22%7D"); strings.Contains(said, `"colour":"red"`) && strings.Contains(said, `"7"`) {
			return
		}
	}
	t.Fatalf("Prometheus does not have what was scraped: %s", said)
}

func ask(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
