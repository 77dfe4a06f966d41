package review

import (
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestContainers(t *testing.T) {
	pod, err := yaml.YAMLToJSON([]byte(`
spec:
  initContainers:
  - {name: migrate, env: [{name: URL, valueFrom: {secretKeyRef: {name: a, key: uri}}}]}
  containers:
  - name: app
    env:
    - {name: PLAIN, value: x}
    - {name: PGHOST, valueFrom: {secretKeyRef: {name: a, key: host}}}
    - {name: OTHER, valueFrom: {secretKeyRef: {name: b.v2, key: host}}}
    - {name: PGUSER, valueFrom: {secretKeyRef: {name: a, key: username}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    envFrom: [{configMapRef: {name: c}}, {secretRef: {name: d}}]
    volumeMounts:
    - {name: projected, mountPath: /bindings/a}
    - {name: plain, mountPath: /etc/e}
    - {name: plain, mountPath: /etc/e.conf, subPath: conf}
    - {name: scratch, mountPath: /tmp}
    - {name: driver, mountPath: /mnt}
  - {name: sidecar}
  ephemeralContainers:
  - {name: debug, envFrom: [{secretRef: {name: a}}]}
  volumes:
  - {name: projected, projected: {sources: [{secret: {name: a}}, {configMap: {name: c}}, {secret: {name: f}}, {secret: {name: f, items: [{key: uri, path: url}]}}]}}
  - {name: plain, secret: {secretName: e}}
  - {name: idle, secret: {secretName: g}}
  - {name: driver, csi: {driver: x, nodePublishSecretRef: {name: h}}}
  - {name: scratch, emptyDir: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	containers, others, err := Containers(pod)
	if err != nil {
		t.Fatal(err)
	}
	want := []Container{
		{Name: "migrate", Kind: "init", Taken: []Taken{{Secret: "a", Variables: []string{"URL"}}}},
		{Name: "app", Taken: []Taken{
			{Secret: "a", Variables: []string{"PGHOST", "PGUSER"}, Mounts: []string{"/bindings/a"}},
			{Secret: "b.v2", Variables: []string{"OTHER"}},
			{Secret: "d", All: true},
			{Secret: "f", Mounts: []string{"/bindings/a"}},
			{Secret: "e", Mounts: []string{"/etc/e", "/etc/e.conf"}, Fixed: []string{"/etc/e.conf"}},
		}},
		{Name: "sidecar"},
		{Name: "debug", Kind: "ephemeral", Taken: []Taken{{Secret: "a", All: true}}},
	}
	if !reflect.DeepEqual(containers, want) {
		t.Errorf("got  %+v\nwant %+v", containers, want)
	}
	if want := []string{"h", "g"}; !reflect.DeepEqual(others, want) {
		t.Errorf("others: %v, want %v", others, want)
	}
	if taken, ok := containers[1].Of("b", "x"); !ok || taken.Secret != "b.v2" || !taken.InEnvironment() {
		t.Errorf("of a revision: %+v, %v", taken, ok)
	}
	if taken, ok := containers[2].Of("a"); ok || taken.InEnvironment() {
		t.Errorf("of a container without any: %+v", taken)
	}
	if _, _, err := Containers([]byte(`{"spec":{"containers":7}}`)); err == nil {
		t.Error("what is no pod is read")
	}
}
