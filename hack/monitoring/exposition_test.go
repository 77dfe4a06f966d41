package monitoring

import (
	"reflect"
	"strings"
	"testing"
)

// exposition has each kind of metric.
const exposition = `# TYPE a_total counter
a_total{entry="inject",outcome="allowed"} 3
# TYPE b_seconds histogram
b_seconds_bucket{entry="inject",le="1"} 1
b_seconds_bucket{entry="inject",le="+Inf"} 1
b_seconds_sum{entry="inject"} 0.5
b_seconds_count{entry="inject"} 1
# TYPE c gauge
c 1
# TYPE d_seconds summary
d_seconds{quantile="0.5"} 1
d_seconds_sum 1
d_seconds_count 1
`

func TestMissing(t *testing.T) {
	exposed := Exposed{}
	if err := exposed.Read(strings.NewReader(exposition)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text   string
		labels []string
		want   []string
	}{
		{text: `sum by (entry, pod) (rate(a_total{outcome="denied", namespace=~"$namespace"}[$__rate_interval]))`, labels: []string{"entry", "pod"}},
		{text: `histogram_quantile(0.99, sum by (le) (rate(b_seconds_bucket[5m])))`},
		{text: `d_seconds{quantile="0.5"} / d_seconds_count`},
		{text: `a_totals > 1`, want: []string{"no program exposes a_totals"}},
		{text: `b_seconds`, want: []string{"no program exposes b_seconds"}},
		{text: `a_total{entrance="inject"}`, want: []string{"a_total has no label entrance"}},
		{text: `sum by (le) (a_total)`, want: []string{"none of its metrics has the label le"}},
		{text: `c`, labels: []string{"entry"}, want: []string{"none of its metrics has the label entry"}},
		{text: `c and on (entry) a_total`, labels: []string{"outcome"}},
	} {
		var want []string
		for _, sentence := range c.want {
			want = append(want, "here: "+sentence)
		}
		if got := Missing([]Expression{{Where: "here", Text: c.text, Labels: c.labels}}, exposed); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", c.text, got, want)
		}
	}
}
