package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	strictjson "sigs.k8s.io/json"
)

func TestDecode(t *testing.T) {
	const raw = `{"metadata":{"name":"old","labels":{"a":"b"}},"spec":{"volumes":[{"name":"old"}],"serviceAccountName":"old"},
		"metadata":{"generateName":"web-","annotations":{"a":"1","a":"\u0032","\u0062":"ж\ud83d\ude00\"","n":null}},
		"spec":{"serviceAccountName":"shop","initContainers":[],"containers":[
			{"name":"app","Name":"no","env":[{"name":"A","value":"x"},{"name":"B","valueFrom":{"fieldRef":{}}},{"name":"C","valueFrom":null},null],"volumeMounts":[{"mountPath":"/a","name":"v"},null]},
			{"name":"bare","env":null,"volumeMounts":[],"resources":{"limits":{"cpu":1.5e3,"x":[true,false,null,-0.1]}}}]}}`
	got, err := Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	want := &Pod{
		GenerateName: "web-", Annotations: map[string]string{"a": "2", "b": "ж😀\"", "n": ""}, ServiceAccountName: "shop", hasMetadata: true,
		initContainers: []container{},
		containers: []container{
			{name: "app", env: []environment{{name: "A", value: "x"}, {name: "B", computed: true}, {name: "C"}, {}}, mounts: []string{"/a", ""}},
			{name: "bare", mounts: []string{}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// The scanner and encoding/json, which decodes into maps here and is then walked,
// agree on every text: on what is in it and on whether a type is wrong.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "pods", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, text := range []string{
		`{"spec":{"os":{"name":"windows"},"containers":[{"env":[{"valueFrom":{"secretKeyRef":{"name":"s"}}}],"envFrom":[{"secretRef":{"name":"t"}},{}],"volumeMounts":[{"name":"v","subPath":"x"}]}],"volumes":[{"name":"v","secret":{"secretName":"u"}}]}}`,
		`{"spec":{"securityContext":{"runAsUser":0,"fsGroup":1},"containers":[{"securityContext":{"runAsNonRoot":true}},{"securityContext":{"runAsUser":null}}]}}`,
		`{"spec":{"volumes":[{"projected":{"sources":[{"secret":{"name":"s","optional":true}},{"secret":{"name":"s","optional":true,"items":[{"key":"a","path":"b"}]}}]}}]}}`,
		`{"spec":{"volumes":[{"projected":{"sources":[{"secret":{"name":"s","items":[]},"secret":{"name":"t"}}]}}]}}`,
		`{"metadata":{"name":"\u00e9\ud800","annotations":{"a\n":"\\\""}},"metadata":null}`, "{\"metadata\":{\"name\":\"\xff\"}}",
		`{"spec":{"containers":[{"env":[{"valueFrom":0}]},null]}}`, ` [ ] `, `{"a":[[{}],{"b":[]}],"spec":{"volumes":[{"projected":{"sources":[{"secret":{"name":"s","optional":null}}]}}]}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Decode(raw)
		want, wantErr := viaMaps(raw)
		if wantErr != nil && err == nil || err != nil && wantErr == nil && !duplicates(raw) {
			t.Fatalf("error %v, encoding/json: %v", err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%+v\nencoding/json\n%+v", got, want)
		}
	})
}

// viaMaps decodes a pod by way of maps.
func viaMaps(raw []byte) (*Pod, error) {
	if !json.Valid(raw) {
		return nil, errors.New("not a JSON text")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // one that a float64 cannot hold is JSON, too
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	root, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	w := &walker{}
	pod := &Pod{}
	metadata, spec := w.object(root["metadata"]), w.object(root["spec"])
	pod.hasMetadata = metadata != nil
	pod.Name, pod.GenerateName = w.string(metadata["name"]), w.string(metadata["generateName"])
	pod.Labels, pod.Annotations = w.strings(metadata["labels"]), w.strings(metadata["annotations"])
	pod.ServiceAccountName = w.string(spec["serviceAccountName"])
	pod.initContainers, pod.containers = w.containers(spec["initContainers"]), w.containers(spec["containers"])
	pod.ephemeralContainers = w.containers(spec["ephemeralContainers"])
	pod.user, pod.fsGroup = w.security(spec["securityContext"])
	pod.windows = w.string(w.object(spec["os"])["name"]) == "windows"
	if volumes := w.array(spec["volumes"]); volumes != nil {
		pod.volumes = []volume{}
		for _, v := range volumes {
			object := w.object(v)
			v := volume{name: w.string(object["name"]), projection: w.projected(object["projected"])}
			own := secrets{direct: w.string(w.object(object["secret"])["secretName"]), parts: w.parts(object["projected"])}
			if v.secret != "" {
				own.parts = nil
			}
			if own.direct != "" || own.parts != nil {
				v.own = &own
			}
			pod.volumes = append(pod.volumes, v)
		}
	}
	return pod, w.err
}

type walker struct{ err error }

func (w *walker) wrong() { w.err = errors.New("wrong type") }

func (w *walker) object(value any) map[string]any {
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		w.wrong()
	}
	return object
}

func (w *walker) array(value any) []any {
	array, ok := value.([]any)
	if !ok && value != nil {
		w.wrong()
	}
	return array
}

func (w *walker) string(value any) string {
	text, ok := value.(string)
	if !ok && value != nil {
		w.wrong()
	}
	return text
}

func (w *walker) strings(value any) map[string]string {
	object := w.object(value)
	if object == nil {
		return nil
	}
	texts := map[string]string{}
	for key, value := range object {
		texts[key] = w.string(value)
	}
	return texts
}

func (w *walker) containers(value any) []container {
	array := w.array(value)
	if array == nil {
		return nil
	}
	containers := []container{}
	for _, element := range array {
		if element == nil {
			w.wrong()
		}
		object := w.object(element)
		c := container{name: w.string(object["name"])}
		c.user, _ = w.security(object["securityContext"])
		var own ownRefs
		if env := w.array(object["env"]); env != nil {
			c.env = []environment{}
			for _, element := range env {
				e := w.object(element)
				c.env = append(c.env, environment{name: w.string(e["name"]), value: w.string(e["value"]), computed: e["valueFrom"] != nil})
				if name := w.string(w.object(w.object(e["valueFrom"])["secretKeyRef"])["name"]); name != "" && !slices.Contains(own.keyed, name) {
					own.keyed = append(own.keyed, name)
				}
			}
		}
		for _, element := range w.array(object["envFrom"]) {
			if name := w.string(w.object(w.object(element)["secretRef"])["name"]); name != "" {
				own.from = append(own.from, name)
			}
		}
		if mounts := w.array(object["volumeMounts"]); mounts != nil {
			c.mounts = []string{}
			for _, element := range mounts {
				mount := w.object(element)
				c.mounts = append(c.mounts, w.string(mount["mountPath"]))
				if path, expression := w.string(mount["subPath"]), w.string(mount["subPathExpr"]); path+expression != "" {
					own.subPaths = append(own.subPaths, w.string(mount["name"]))
				}
			}
		}
		if own.keyed != nil || own.from != nil || own.subPaths != nil {
			c.own = &own
		}
		containers = append(containers, c)
	}
	return containers
}

func (w *walker) security(value any) (user account, fsGroup bool) {
	object := w.object(value)
	switch id := object["runAsUser"].(type) {
	case nil:
		switch object["runAsNonRoot"] {
		case true:
			user = accountOther
		case false:
			user = accountAny
		}
	case json.Number:
		user = map[bool]account{true: accountRoot, false: accountOther}[id == "0"]
	default:
		user = accountOther
	}
	return user, object["fsGroup"] != nil
}

// parts returns the Secrets of a projected volume.
func (w *walker) parts(value any) (parts []string) {
	for _, element := range w.array(w.object(value)["sources"]) {
		if name := w.string(w.object(w.object(element)["secret"])["name"]); name != "" {
			parts = append(parts, name)
		}
	}
	return parts
}

func (w *walker) projected(value any) (p projection) {
	projected := w.object(value)
	sources := w.array(projected["sources"])
	only := func(object map[string]any, allowed ...string) bool {
		for key, value := range object {
			if value != nil && !slices.Contains(allowed, key) {
				return false
			}
		}
		return true
	}
	ours := only(projected, "sources", "defaultMode") && (len(sources) == 1 || len(sources) == 2)
	for n, element := range sources {
		source := w.object(element)
		object := w.object(source["secret"])
		one := projection{secret: w.string(object["name"]), optional: object["optional"] == true}
		var items []string
		for _, element := range w.array(object["items"]) {
			item := w.object(element)
			items = append(items, w.string(item["path"])+"="+w.string(item["key"]))
			ours = only(item, "key", "path") && item != nil && ours
		}
		one.items = strings.Join(items, ",")
		empty := object["items"] != nil && len(items) == 0
		ours = only(source, "secret") && only(object, "name", "optional", "items") && one.secret != "" && !empty && (n == 0) == (one.items == "") && ours
		if n == 1 {
			ours = ours && one.secret == p.secret && one.optional == p.optional
		}
		p = one
	}
	if !ours {
		return projection{}
	}
	return p
}

// duplicates reports whether an object has two members of one name. Of those the
// maps hold the last only, so that they hide a wrong type of the first.
func duplicates(raw []byte) bool {
	var value any
	strict, err := strictjson.UnmarshalStrict(raw, &value, strictjson.DisallowDuplicateFields)
	return err != nil || len(strict) > 0
}
