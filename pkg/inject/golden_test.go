package inject_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	strictjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

var update = flag.Bool("update", false, "write the golden files of testdata/pods anew")

// Every testdata/pods/<name>.json is a pod, <name>.patch.json its patch, with one
// operation in each line. Where <name>.old.json is there too, the pod is the new
// one of an update of pods/ephemeralcontainers.
func TestPatchGolden(t *testing.T) {
	for _, name := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			raw := read(t, name+".json")
			options := optionsFor(t, name)
			patch := patched(t, raw, options...)
			golden := filepath.Join("testdata", "pods", name+".patch.json")
			got := lines(t, patch.JSON)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs:\n%s\nwant\n%s", golden, got, want)
			}
			verify(t, raw, patch, options...)
			if before, after := unknownFields(t, raw), unknownFields(t, apply(t, raw, patch.JSON)); !reflect.DeepEqual(before, after) {
				t.Errorf("as a corev1.Pod the patched pod has the errors %v, the original has %v", after, before)
			}
		})
	}
}

// The API server fills in defaults between two calls of a webhook, and another
// webhook may add a container: only that one is then completed.
func TestPatchAgainAfterOthers(t *testing.T) {
	for _, name := range corpus(t) {
		raw := read(t, name+".json")
		if len(optionsFor(t, name)) > 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			result := apply(t, raw, patched(t, raw).JSON)
			var pod map[string]any
			if err := json.Unmarshal([]byte(strings.ReplaceAll(string(result), "1e400", "1")), &pod); err != nil {
				t.Fatal(err)
			}
			spec := pod["spec"].(map[string]any)
			if volumes, found := spec["volumes"].([]any); found {
				for _, volume := range volumes {
					if projected, found := volume.(map[string]any)["projected"].(map[string]any); found {
						projected["defaultMode"] = 420
					}
				}
			}
			containers := spec["containers"].([]any)
			spec["containers"] = append(containers, map[string]any{"name": "mesh", "image": "mesh"})
			changed, err := json.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			var operations []struct{ Op, Path string }
			if again := patched(t, changed).JSON; again != nil {
				if err := json.Unmarshal(again, &operations); err != nil {
					t.Fatal(err)
				}
			}
			added := "/spec/containers/" + strconv.Itoa(len(containers)) + "/"
			selected := !strings.Contains(string(raw), "dbtether.io/containers")
			if (len(operations) > 0) != selected {
				t.Errorf("operations %v", operations)
			}
			for _, operation := range operations {
				// No container mounted this one's volume before, so it comes with the container.
				volume := name == "mount-at-path" && operation.Path == "/spec/volumes/-"
				if !strings.HasPrefix(operation.Path, added) && !volume {
					t.Errorf("%s %s, want only %s…", operation.Op, operation.Path, added)
				}
			}
		})
	}
}

func corpus(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "pods", "*.json"))
	if err != nil || len(files) < 250 {
		t.Fatalf("%d pods, %v", len(files), err)
	}
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); filepath.Ext(name) == "" {
			names = append(names, name)
		}
	}
	return names
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "pods", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func optionsFor(t *testing.T, name string) []inject.Option {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "pods", name+".old.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	old, err := inject.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return []inject.Option{inject.EphemeralContainers(old)}
}

// patched decodes a pod and patches it with what its annotations ask for. A pod
// without any asks for orders-api, as its namespace might for it.
func patched(t testing.TB, raw []byte, options ...inject.Option) inject.Patch {
	t.Helper()
	pod, err := inject.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	ask, problems := inject.Parse(pod.Annotations)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if ask == nil {
		ask = &inject.Ask{Users: []inject.UserAsk{{Name: "orders-api"}}}
	}
	patch, err := pod.Patch(ask, bindings(ask), options...)
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// bindings come in another order than the ask, which decides.
func bindings(ask *inject.Ask) []inject.Binding {
	var bindings []inject.Binding
	for i := len(ask.Users) - 1; i >= 0; i-- {
		user := ask.Users[i]
		bindings = append(bindings, inject.Binding{User: user.Name, Alias: user.Alias, Secret: user.Name + "-credentials", Revision: int64(3 + i)})
	}
	return bindings
}

// verify checks what holds for every patch: it applies, it keeps all that the pod
// had, and a second one is empty.
func verify(t testing.TB, raw []byte, patch inject.Patch, options ...inject.Option) {
	t.Helper()
	result := apply(t, raw, patch.JSON)
	if path := missing("", decode(t, raw), decode(t, result)); path != "" {
		t.Errorf("the patch loses or changes %s", path)
	}
	unique(t, decode(t, raw), decode(t, result))
	if again := patched(t, result, options...); again.JSON != nil || again.Injected != patch.Injected {
		t.Errorf("patched again: %s, injected %q, before %q", again.JSON, again.Injected, patch.Injected)
	}
}

func apply(t testing.TB, raw, text []byte) []byte {
	t.Helper()
	if text == nil {
		return raw
	}
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	result, err := patch.Apply(raw)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return result
}

func decode(t testing.TB, raw []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// unique checks that the patch repeats no name of a variable or volume and no path
// of a mount.
func unique(t testing.TB, original, result any) {
	t.Helper()
	before, after := map[string]int{}, map[string]int{}
	count(original, "", before)
	count(result, "", after)
	for element, n := range after {
		if n > max(1, before[element]) {
			t.Errorf("%s is there %d times, was %d times", element, n, before[element])
		}
	}
}

func count(value any, path string, elements map[string]int) {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			count(member, path+"/"+key, elements)
		}
	case []any:
		identity := map[string]string{"env": "name", "volumes": "name", "volumeMounts": "mountPath"}[path[strings.LastIndexByte(path, '/')+1:]]
		for i, member := range value {
			if object, ok := member.(map[string]any); ok && identity != "" {
				elements[fmt.Sprint(path, " ", object[identity])]++
			}
			count(member, fmt.Sprint(path, "/", i), elements)
		}
	}
}

// missing returns the path of a value that is in the original and not, or not the
// same, in the result; arrays may have more elements at their end. What was null
// counts as absent.
func missing(path string, original, result any) string {
	switch original := original.(type) {
	case nil:
		return ""
	case map[string]any:
		result, ok := result.(map[string]any)
		if !ok {
			return path
		}
		for key, value := range original {
			if key == "dbtether.io/injected" && path == "/metadata/annotations" {
				continue
			}
			if lost := missing(path+"/"+key, value, result[key]); lost != "" {
				return lost
			}
		}
	case []any:
		result, ok := result.([]any)
		if !ok || len(result) < len(original) {
			return path
		}
		for i := range original {
			if lost := missing(path+"[]", original[i], result[i]); lost != "" {
				return lost
			}
		}
	default:
		if original != result {
			return path
		}
	}
	return ""
}

func unknownFields(t *testing.T, raw []byte) []string {
	t.Helper()
	var pod corev1.Pod
	unknown, err := strictjson.UnmarshalStrict(raw, &pod)
	if err != nil {
		t.Fatal(err)
	}
	var errs []string
	for _, err := range unknown {
		errs = append(errs, err.Error())
	}
	slices.Sort(errs) // they come in the order of the text, which a patch may change
	return errs
}

// lines writes an array with one element in each line.
func lines(t *testing.T, text []byte) []byte {
	t.Helper()
	if text == nil {
		return []byte("[]\n")
	}
	var operations []json.RawMessage
	if err := json.Unmarshal(text, &operations); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var out bytes.Buffer
	for i, operation := range operations {
		out.WriteString(map[bool]string{true: "[\n ", false: ",\n "}[i == 0])
		out.Write(operation)
	}
	out.WriteString("\n]\n")
	return out.Bytes()
}
