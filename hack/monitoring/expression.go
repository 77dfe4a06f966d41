package monitoring

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Expression is a query of a dashboard or of an alert.
type Expression struct {
	Where  string   // what it belongs to: panel "Reviews", alert "DbtetherWebhookDown"
	Text   string   // PromQL, with Grafana's variables in it
	Labels []string // what texts beside it take of its result: of a legend, of an annotation
	Alert  bool     // it is quiet as long as all is well
}

// legendLabel is {{name}} or {{ $labels.name }}.
var legendLabel = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}`)

func labelsIn(text string) []string {
	var names []string
	for _, match := range legendLabel.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// DashboardExpressions returns the queries of a dashboard of Grafana's, in its order:
// those of its variables first, then those of its panels, also within rows.
func DashboardExpressions(dashboard []byte) ([]Expression, error) {
	var read struct {
		Templating struct {
			List []struct {
				Type, Name string
				Query      json.RawMessage
			}
		}
		Panels []panelQueries
	}
	if err := json.Unmarshal(dashboard, &read); err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	var all []Expression
	for _, variable := range read.Templating.List {
		if variable.Type != "query" {
			continue
		}
		where := fmt.Sprintf("variable %q", variable.Name)
		expression, err := variableExpression(variable.Query)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", where, err)
		}
		expression.Where = where
		all = append(all, expression)
	}
	return append(all, panelExpressions(read.Panels)...), nil
}

type panelQueries struct {
	Title   string
	Panels  []panelQueries
	Targets []struct{ Expr, LegendFormat string }
}

func panelExpressions(panels []panelQueries) []Expression {
	var all []Expression
	for _, panel := range panels {
		for _, target := range panel.Targets {
			all = append(all, Expression{Where: fmt.Sprintf("panel %q", panel.Title), Text: target.Expr, Labels: labelsIn(target.LegendFormat)})
		}
		all = append(all, panelExpressions(panel.Panels)...)
	}
	return all
}

// labelValues is Grafana's way of asking for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.+),\s*([a-zA-Z_][a-zA-Z0-9_]*)\)$`)

// variableExpression makes a query of label_values(SELECTOR, LABEL).
func variableExpression(query json.RawMessage) (Expression, error) {
	var q struct{ Query string }
	if err := json.Unmarshal(query, &q); err != nil {
		return Expression{}, err
	}
	match := labelValues.FindStringSubmatch(q.Query)
	if match == nil {
		return Expression{}, fmt.Errorf("%q is no label_values(METRIC, LABEL)", q.Query)
	}
	return Expression{Text: match[1], Labels: match[2:]}, nil
}

// Alert is an alerting rule.
type Alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Alerts returns the rules of a rule file of Prometheus', in its order. A rule that
// records is an error: there are none.
func Alerts(rules []byte) ([]Alert, error) {
	var read struct {
		Groups []struct {
			Name  string  `json:"name"`
			Rules []Alert `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(rules, &read); err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	var all []Alert
	for _, group := range read.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// RuleExpressions returns the queries of a rule file of Prometheus', in its order.
func RuleExpressions(rules []byte) ([]Expression, error) {
	alerts, err := Alerts(rules)
	var all []Expression
	for _, alert := range alerts {
		e := Expression{Where: fmt.Sprintf("alert %q", alert.Alert), Text: alert.Expr, Alert: true}
		for _, key := range []string{"summary", "description"} {
			e.Labels = append(e.Labels, labelsIn(alert.Annotations[key])...)
		}
		all = append(all, e)
	}
	return all, err
}

// Query is the expression as Grafana would send it, for all namespaces and for the time
// that a Prometheus has scraped once a second.
func (e Expression) Query() string {
	return strings.NewReplacer("$__rate_interval", "10s", "$__range", "1m", "$namespace", ".*").Replace(e.Text)
}
