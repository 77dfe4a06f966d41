package check

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	object := func(text string) any { return seen(t, "{kind: A, apiVersion: v1, a: "+text+"}").Items[0].Object["a"] }
	for _, c := range []struct {
		name, want, have string
		paths            []string
	}{
		{"the same", "{b: 1, c: [x, {d: true}]}", "{b: 1, c: [x, {d: true}]}", nil},
		{"what the API server adds", "{b: 1}", "{b: 1, matchPolicy: Equivalent, objectSelector: {}, scope: '*', rules: []}", nil},
		{"what somebody adds", "{b: 1}", "{b: 1, matchPolicy: Exact, objectSelector: {c: d}}", []string{"matchPolicy", "objectSelector"}},
		{"another value", "{b: {c: 1}}", "{b: {c: 2}}", []string{"b.c"}},
		{"a number is no text", "{b: 1}", "{b: '1'}", []string{"b"}},
		{"missing", "{b: 1, c: 2}", "{b: 1}", []string{"c"}},
		{"an empty one is as good as missing", "{b: 1, c: {}}", "{b: 1}", nil},
		{"shorter", "{b: [1, 2]}", "{b: [1]}", []string{"b"}},
		{"another element", "{b: [1, {c: 2}]}", "{b: [1, {c: 3}]}", []string{"b[1].c"}},
		{"another type", "{b: [1]}", "{b: {c: 1}}", []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := differences(object(c.want), object(c.have), ""); !slices.Equal(got, c.paths) {
				t.Errorf("got %v, want %v", got, c.paths)
			}
		})
	}
}
