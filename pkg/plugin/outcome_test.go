package plugin

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestOutcome(t *testing.T) {
	object := func(text string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: parse(t, text)}
	}
	before := object("{metadata: {labels: {a: b}, resourceVersion: '1'}, spec: {c: d}, status: {e: f}}")
	cases := []struct {
		before, after *unstructured.Unstructured
		want          string
	}{
		{nil, before, "created"},
		{before, object("{metadata: {labels: {a: b}, resourceVersion: '2'}, spec: {c: d}, status: {}}"), "unchanged"},
		{before, object("{metadata: {labels: {a: x}}, spec: {c: d}}"), "configured"},
		{before, object("{metadata: {labels: {a: b}}, spec: {c: x}}"), "configured"},
	}
	for _, c := range cases {
		if got := outcome(c.before, c.after); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
