package admission

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What came of asking the API server for what the index does not have.
const (
	lookupFound   = "found" // the index was behind
	lookupMissing = "missing"
	lookupError   = "error"
)

// indexMetrics tell how well the index follows the API server.
type indexMetrics struct {
	lookups, watchErrors *prometheus.CounterVec
	objects, age         *prometheus.Desc
}

func newIndexMetrics() indexMetrics {
	return indexMetrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_lookups_total",
			Help: "What the index did not have and the API server was asked for, by resource and result: found (the index was behind), missing or error.",
		}, []string{"resource", "result"}),
		watchErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_watch_errors_total",
			Help: "How often a resource could not be listed or watched.",
		}, []string{"resource"}),
		objects: prometheus.NewDesc("dbtether_webhook_index_objects", "Objects in the index, by resource.", []string{"resource"}, nil),
		age: prometheus.NewDesc("dbtether_webhook_index_age_seconds",
			"Time since the watch of a resource last brought anything, be it a bookmark, which the API server sends about once a minute.", []string{"resource"}, nil),
	}
}

func (m indexMetrics) register(registry *prometheus.Registry) {
	registry.MustRegister(m.lookups, m.watchErrors)
}

// indexCollector tells the size and the age of an index.
type indexCollector struct {
	indexMetrics
	index *index
	now   func() time.Time
}

// Describe implements prometheus.Collector.
func (c indexCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- c.objects
	descriptions <- c.age
}

// Collect implements prometheus.Collector.
func (c indexCollector) Collect(metrics chan<- prometheus.Metric) {
	for resource, informer := range c.index.informers() {
		metrics <- prometheus.MustNewConstMetric(c.objects, prometheus.GaugeValue, float64(len(informer.GetStore().ListKeys())), resource)
		if heard, ok := c.index.heard.of(resource); ok {
			metrics <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, c.now().Sub(heard).Seconds(), resource)
		}
	}
}
