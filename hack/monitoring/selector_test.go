package monitoring

import (
	"reflect"
	"testing"
)

func TestUsesOf(t *testing.T) {
	for _, c := range []struct {
		text             string
		metrics, grouped []string
		matched          map[string][]string
	}{
		{"up", []string{"up"}, nil, nil},
		{`rate(a_total{b="x", c=~"y|z"}[5m] offset 1h) > 1e3`, []string{"a_total"}, nil, map[string][]string{"a_total": {"b", "c"}}},
		{`sum by (b, le) (rate(a_bucket[$__rate_interval]))`, []string{"a_bucket"}, []string{"b", "le"}, nil},
		{`sum(a) by (b)`, []string{"a"}, []string{"b"}, nil},
		{`a and on (b) c{d="}"} or e unless ignoring (f) g`, []string{"a", "c", "e", "g"}, []string{"b", "f"}, map[string][]string{"c": {"d"}}},
		{`a * on (b) group_left (c) d`, []string{"a", "d"}, []string{"b", "c"}, nil},
		{`(time() - max by (n) (a{n=~"$n"} > 0)) >= bool 3 * 86400`, []string{"a"}, []string{"n"}, map[string][]string{"a": {"n"}}},
		{`topk(20, a{b="\"quoted\", c="}) or vector(0)`, []string{"a"}, nil, map[string][]string{"a": {"b"}}},
		{`max_over_time(rate(a:b[5m])[1h:1m])`, []string{"a:b"}, nil, nil},
	} {
		got, err := usesOf(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		matched := map[string][]string{}
		for metric, labels := range got.matched {
			if labels != nil {
				matched[metric] = labels
			}
		}
		if !reflect.DeepEqual(got.metrics, c.metrics) || !reflect.DeepEqual(got.grouped, c.grouped) || len(matched)+len(c.matched) > 0 && !reflect.DeepEqual(matched, c.matched) {
			t.Errorf("%s: got %v, matched by %v, grouped by %v", c.text, got.metrics, matched, got.grouped)
		}
	}
	if _, err := usesOf(`sum({__name__=~"a.*"})`); err == nil {
		t.Error("a selector without a name passes")
	}
}
