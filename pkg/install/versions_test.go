package install

import (
	"reflect"
	"testing"
)

func TestDistanceOf(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       Distance
	}{
		{"v0.2.0", "v0.2.0", Same},
		{"v0.2.0", "v0.2.1", Older},
		{"v0.2.9", "v0.3.0", Older},
		{"v0.2.0", "v0.4.0", FarOlder},
		{"v0.9.0", "v1.0.0", FarOlder},
		{"v0.3.0", "v0.2.0", Newer},
		{"v0.4.0", "v0.2.9", FarNewer},
		{"v1.2.0", "v0.2.0", FarNewer},
		{"v0.2.0-rc.1", "v0.2.0", Same},
		{"v0.2.0-5-g1234567", "v0.2.0", Same},
		{"v0.2.0-5-g1234567-dirty", "v0.3.0", Older},
		{"(devel)", "v0.2.0", Unknown},
		{"v0.2.0", "1234567", Unknown},
		{"v0.0.0-20261127043203-5deeec4abcde", "v0.2.0", Unknown},
		{"v0.2.0", "v0.0.0-test", Unknown},
		{"", "", Unknown},
	} {
		if got := DistanceOf(c.one, c.other); got != c.want {
			t.Errorf("%q is %d from %q, want %d", c.one, got, c.other, c.want)
		}
		if got, want := IsOlder(c.one, c.other), c.want == Older || c.want == FarOlder; got != want {
			t.Errorf("%q is older than %q: %v", c.one, c.other, got)
		}
	}
}

func TestOlderKubernetes(t *testing.T) {
	for version, want := range map[string]bool{"v1.29.14": true, "v1.30.0": false, "v1.30.1-eks-5e0fdde": false, "v1.37.1": false, "v2.0.0": false} {
		if got, err := OlderKubernetes(version); err != nil || got != want {
			t.Errorf("%s: %v, %v", version, got, err)
		}
	}
	if _, err := OlderKubernetes("unknown"); err == nil {
		t.Error("what is no version is taken for one")
	}
}

func TestLost(t *testing.T) {
	definition := func(fields map[string]any) map[string]any {
		return map[string]any{"spec": map[string]any{"versions": []any{map[string]any{"name": "v1", "schema": map[string]any{"openAPIV3Schema": map[string]any{"properties": fields}}}}}}
	}
	text := map[string]any{"type": "string"}
	standing, next := named("", "", "", ""), named("", "", "", "")
	standing.Object = definition(map[string]any{"a": text, "list": map[string]any{"items": map[string]any{"properties": map[string]any{"x": text, "y": text}}},
		"map": map[string]any{"additionalProperties": map[string]any{"properties": map[string]any{"z": text}}}})
	next.Object = definition(map[string]any{"a": text, "b": text, "list": map[string]any{"items": map[string]any{"properties": map[string]any{"x": text}}}})
	if got, want := Lost(standing, next), []string{"v1 list[].y", "v1 map", "v1 map[].z"}; !reflect.DeepEqual(got, want) {
		t.Errorf("lost: %q, want %q", got, want)
	}
	if got, want := Lost(next, standing), []string{"v1 b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the other way: %q, want %q", got, want)
	}
	if got := Lost(next, next); len(got) != 0 {
		t.Errorf("lost of itself: %q", got)
	}
}
