package main

import "strings"

// operatorHead is what stands before the groups.
const operatorHead = `# Written from rules.yaml by make generate; not edited by hand.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: dbtether
  namespace: dbtether-system
  labels: {app.kubernetes.io/name: dbtether}
spec:
`

// prometheusRule returns the text of a rule file as an object of the Prometheus operator.
// Its groups are that text, indented.
func prometheusRule(rules string) string {
	_, groups, _ := strings.Cut("\n"+rules, "\ngroups:\n")
	var text strings.Builder
	text.WriteString(operatorHead + "  groups:\n")
	for line := range strings.Lines(groups) {
		if strings.TrimSpace(line) != "" {
			text.WriteString("  ")
		}
		text.WriteString(line)
	}
	return text.String()
}
