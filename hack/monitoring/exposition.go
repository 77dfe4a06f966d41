package monitoring

import (
	"fmt"
	"io"
	"maps"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Exposed are the labels of metrics by their names, as a query has them: a histogram is
// three metrics.
type Exposed map[string]map[string]bool

// Read adds what a program shows at /metrics.
func (e Exposed) Read(exposition io.Reader) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(exposition)
	if err != nil {
		return fmt.Errorf("read the metrics: %w", err)
	}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			e.add(name, family.GetType(), metric.GetLabel())
		}
	}
	return nil
}

func (e Exposed) add(name string, kind dto.MetricType, pairs []*dto.LabelPair) {
	labels := map[string]bool{}
	for _, pair := range pairs {
		labels[pair.GetName()] = true
	}
	put := func(name string, more ...string) {
		if e[name] == nil {
			e[name] = map[string]bool{}
		}
		maps.Copy(e[name], labels)
		for _, label := range more {
			e[name][label] = true
		}
	}
	switch kind {
	case dto.MetricType_HISTOGRAM:
		put(name+"_bucket", "le")
		put(name + "_sum")
		put(name + "_count")
	case dto.MetricType_SUMMARY:
		put(name, "quantile")
		put(name + "_sum")
		put(name + "_count")
	default:
		put(name)
	}
}

// targetLabels are those that scraping adds: namespace and pod by what finds the targets.
var targetLabels = []string{"instance", "job", "namespace", "pod"}

// Missing returns a sentence for each metric and label that an expression takes and that
// is not exposed. A metric without a series is not exposed: a counter by kind of failure
// comes with the first failure, so what is exposed has to be read of programs at work.
func Missing(expressions []Expression, exposed Exposed) []string {
	var missing []string
	for _, e := range expressions {
		say := func(format string, a ...any) {
			if sentence := e.Where + ": " + fmt.Sprintf(format, a...); !slices.Contains(missing, sentence) {
				missing = append(missing, sentence)
			}
		}
		u, err := usesOf(e.Query())
		if err != nil {
			say("%v", err)
			continue
		}
		known := slices.Clone(targetLabels)
		for _, metric := range u.metrics {
			labels, is := exposed[metric]
			if !is {
				say("no program exposes %s", metric)
				continue
			}
			known = slices.AppendSeq(known, maps.Keys(labels))
			for _, label := range u.matched[metric] {
				if !labels[label] && !slices.Contains(targetLabels, label) {
					say("%s has no label %s", metric, label)
				}
			}
		}
		if slices.ContainsFunc(u.metrics, func(metric string) bool { return exposed[metric] == nil }) {
			continue // its labels are not known
		}
		for _, label := range slices.Concat(u.grouped, e.Labels) {
			if !slices.Contains(known, label) {
				say("none of its metrics has the label %s", label)
			}
		}
	}
	return missing
}
