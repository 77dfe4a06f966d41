package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// now is when all of the tables are looked at.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func shippedNow(t *testing.T) Shipped {
	t.Helper()
	shipped, err := ReadShipped()
	if err != nil {
		t.Fatal(err)
	}
	return shipped
}

// seen returns objects as a client reads them: whole numbers are of type int64.
func seen(t *testing.T, texts ...string) Objects {
	t.Helper()
	var objects Objects
	for _, text := range texts {
		document, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(document); err != nil {
			t.Fatal(err)
		}
		objects.Items = append(objects.Items, object)
	}
	return objects
}

// installedAs returns the shipped objects of a kind as a client reads them.
func installedAs(t *testing.T, kind string) Objects {
	t.Helper()
	var objects Objects
	for _, object := range shippedNow(t).kind(kind) {
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		objects.Items = append(objects.Items, seen(t, string(text)).Items...)
	}
	return objects
}

// compare compares findings with lines "level check: text"; what is ok is left out unless
// it is all that there is. What is not well has to say what to do.
func compare(t *testing.T, got []Finding, want ...string) {
	t.Helper()
	var lines []string
	for _, f := range got {
		if f.Level == LevelOK {
			continue
		}
		if f.Fix == "" && f.Level != LevelNote {
			t.Errorf("%s %q says not what to do", f.Check, f.Text)
		}
		lines = append(lines, string(f.Level)+" "+f.Check+": "+f.Text)
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if len(got) == 0 && len(want) > 0 {
		t.Error("nothing was found, and nothing is ok")
	}
}

// set changes a field of an object.
func set(t *testing.T, object *unstructured.Unstructured, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
		t.Fatal(err)
	}
}
