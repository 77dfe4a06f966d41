// Command dashboard writes the generated files of manifests/monitoring: the dashboard for
// Grafana, and the alerts of rules.yaml as an object of the Prometheus operator:
//
//	go run ./hack/dashboard --out manifests/monitoring
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	rules := flag.String("rules", filepath.Join("manifests", "monitoring", "rules.yaml"), "alerts, as Prometheus reads them")
	out := flag.String("out", filepath.Join("manifests", "monitoring"), "folder to write to")
	flag.Parse()
	if err := run(*rules, *out); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func run(rules, out string) error {
	text, err := os.ReadFile(rules)
	if err != nil {
		return err
	}
	board, err := dashboard()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "dashboard.json"), board, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "prometheusrule.yaml"), []byte(prometheusRule(string(text))), 0o644)
}
