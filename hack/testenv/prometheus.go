package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"
)

// PrometheusTarget is what a Prometheus scrapes.
type PrometheusTarget struct {
	Address string            // host:port, by HTTP, path /metrics
	Labels  map[string]string // of all its series, beside job and instance
}

// PrometheusOptions choose what a Prometheus does.
type PrometheusOptions struct {
	Targets  []PrometheusTarget
	Rules    []string      // files
	Interval time.Duration // of scraping and of evaluating; default one second
	Log      func(format string, a ...any)
}

// Prometheus is a running server on 127.0.0.1.
type Prometheus struct {
	URL     string // http://127.0.0.1:PORT
	LogFile string

	workspace *workspace
	server    *process
}

// StartPrometheus starts a Prometheus in a temporary folder and returns when it is
// ready. It may first build it with the go command, as tools/prometheus pins it, which
// takes minutes and happens once. It ends at Stop, or with this process.
func StartPrometheus(ctx context.Context, options PrometheusOptions) (*Prometheus, error) {
	log := logFunc(options.Log).orSilent()
	binary, err := findPrometheus(ctx, log)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	w, err := newWorkspace("prometheus")
	if err != nil {
		return nil, err
	}
	p := &Prometheus{LogFile: w.file("prometheus.log"), workspace: w}
	if err := p.run(ctx, binary, options); err != nil {
		return nil, errors.Join(fmt.Errorf("start Prometheus: %w", err), p.Stop())
	}
	log("Prometheus is ready on %s after %s", p.URL, elapsed(started))
	return p, nil
}

// Stop ends the server and removes its files. A second call does nothing.
func (p *Prometheus) Stop() error {
	if p.workspace == nil {
		return nil
	}
	var err error
	if p.server != nil {
		err = p.server.stop(5*time.Second, syscall.SIGTERM)
	}
	err = errors.Join(err, p.workspace.remove())
	p.server, p.workspace = nil, nil
	return err
}

func (p *Prometheus) run(ctx context.Context, binary string, options PrometheusOptions) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	configuration, err := prometheusConfiguration(options)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.workspace.file("prometheus.yaml"), configuration, 0o600); err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		address := "127.0.0.1:" + strconv.Itoa(port)
		p.URL = "http://" + address
		cmd := exec.Command(binary, "--config.file="+p.workspace.file("prometheus.yaml"), "--storage.tsdb.path="+p.workspace.file("data"),
			"--web.listen-address="+address, "--log.level=warn")
		if p.server, err = startProcess("prometheus", cmd, p.LogFile, syscall.SIGKILL); err != nil {
			return err
		}
		err = p.server.waitReady(ctx, func(ctx context.Context) error { return get(ctx, client, p.URL+"/-/ready") })
		if err == nil || attempt == 3 || !p.server.portWasTaken() {
			return err
		}
	}
}

// prometheusConfiguration has one job with all targets.
func prometheusConfiguration(options PrometheusOptions) ([]byte, error) {
	interval := options.Interval
	if interval == 0 {
		interval = time.Second
	}
	var targets []map[string]any
	for _, target := range options.Targets {
		targets = append(targets, map[string]any{"targets": []string{target.Address}, "labels": target.Labels})
	}
	return yaml.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": interval.String(), "scrape_timeout": interval.String(), "evaluation_interval": interval.String()},
		"rule_files":     options.Rules,
		"scrape_configs": []any{map[string]any{"job_name": "dbtether", "static_configs": targets}},
	})
}
