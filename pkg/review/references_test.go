package review

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A pod that refers to a Secret wherever the API lets it: what a field means follows from
// its name, so that a field that the API gets one day is looked for, too.
func TestReferencesAreFoundWhereverTheAPIHasOne(t *testing.T) {
	var want []string
	spec := filled(reflect.TypeFor[corev1.PodSpec](), "spec", false, &want)
	object, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	found, err := references(object, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ref := range found {
		got = append(got, ref.secret)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// Two variables for each kind of container, and a dozen kinds of volumes.
	if len(want) < 16 {
		t.Errorf("the API has only %d: %q", len(want), want)
	}
}

// filled returns a value of the type with every field set and every list of one, as JSON
// has it. The name of each Secret is where it stands; wanted collects those that give a
// container or a volume what a Secret holds.
func filled(of reflect.Type, path string, secret bool, wanted *[]string) any {
	switch of.Kind() {
	case reflect.Pointer:
		return filled(of.Elem(), path, secret, wanted)
	case reflect.Slice:
		return []any{filled(of.Elem(), path, secret, wanted)}
	case reflect.String:
		if last := path[strings.LastIndex(path, ".")+1:]; secret && (last == "name" || last == "secretName") {
			*wanted = append(*wanted, path)
		}
		return path
	case reflect.Struct:
		if of.PkgPath() != "k8s.io/api/core/v1" {
			return nil // times, quantities, metadata
		}
		object := map[string]any{}
		for i := range of.NumField() {
			field := of.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" {
				for key, value := range filled(field.Type, path, secret, wanted).(map[string]any) {
					object[key] = value
				}
				continue
			}
			within := secret || strings.Contains(strings.ToLower(name), "secret") && name != "imagePullSecrets"
			object[name] = filled(field.Type, path+"."+name, within, wanted)
		}
		return object
	default:
		return nil
	}
}

func TestReferencesSayWhere(t *testing.T) {
	env := func(names ...string) string {
		var all []string
		for _, name := range names {
			all = append(all, `{"name":"A","valueFrom":{"secretKeyRef":{"name":"`+name+`","key":"k"}}}`)
		}
		return `"env":[` + strings.Join(all, ",") + `]`
	}
	pod := `{"spec":{"containers":[{"name":"a"},{"name":"b",` + env("x", "y", "x") + `}],"initContainers":[{"name":"c",` + env("y") + `,"envFrom":[{},{"secretRef":{"name":"z"}}]}],` +
		`"volumes":[{"name":"x"},{"name":"v","projected":{"sources":[{"configMap":{"name":"x"}},{"secret":{"name":"w"}}]}},{"name":"u","secret":{"secretName":"x"}},{"name":"t","secret":{"secretName":"s"}}]}}`
	found, err := references([]byte(pod), nil)
	const want = "[{y spec.initContainers[0].env[0]} {z spec.initContainers[0].envFrom[1]} {x spec.containers[1].env[0]} {w spec.volumes[1].projected.sources[1]} {s spec.volumes[3]}]"
	if got := fmt.Sprint(found); err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	for _, text := range []string{"", "7", `{"spec":{"containers":7}}`} {
		if _, err := references([]byte(text), nil); err == nil || !strings.HasPrefix(err.Error(), "decode pod: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
