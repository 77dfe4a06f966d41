package review

import (
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestUses(t *testing.T) {
	pod, err := yaml.YAMLToJSON([]byte(`
spec:
  imagePullSecrets: [{name: registry}, {}]
  initContainers:
  - {name: migrate, env: [{name: URL, valueFrom: {secretKeyRef: {name: a, key: uri, optional: true}}}]}
  containers:
  - name: app
    envFrom: [{configMapRef: {name: c}}, {secretRef: {name: d}}, {prefix: X_, secretRef: {name: d, optional: true}}]
    volumeMounts:
    - {name: projected, mountPath: /p}
    - {name: plain, mountPath: /etc/e}
    - {name: plain, mountPath: /etc/e.conf, subPath: conf/x}
    - {name: some, mountPath: /some, subPath: renamed}
    - {name: plain, mountPath: /expr, subPathExpr: $(POD)}
    - {name: driver, mountPath: /mnt}
  ephemeralContainers:
  - {name: debug, envFrom: [{secretRef: {name: a}}]}
  volumes:
  - {name: projected, projected: {sources: [{secret: {name: a}}, {configMap: {name: c}}, {secret: {name: f, optional: true, items: [{key: uri, path: url}, {key: host, path: h}]}}]}}
  - {name: plain, secret: {secretName: e}}
  - {name: some, secret: {secretName: e, optional: true, items: [{key: k, path: renamed}]}}
  - {name: idle, secret: {secretName: g, items: [{key: k, path: p}]}}
  - {name: driver, csi: {driver: x, nodePublishSecretRef: {name: h}}}
  - {name: share, azureFile: {secretName: i, shareName: s}}
  - {name: flex, flexVolume: {driver: x, secretRef: {name: j}}}
  - {name: strange, unknown: {secretRef: 7}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Uses(pod)
	if err != nil {
		t.Fatal(err)
	}
	want := []Use{
		{Secret: "a", Way: UseEnv, Container: "migrate", Kind: "init", Variable: "URL", Keys: []string{"uri"}, Optional: true},
		{Secret: "d", Way: UseEnvFrom, Container: "app"},
		{Secret: "d", Way: UseEnvFrom, Container: "app", Variable: "X_", Optional: true},
		{Secret: "a", Way: UseFiles, Container: "app", Volume: "projected", Path: "/p"},
		{Secret: "f", Way: UseFiles, Container: "app", Volume: "projected", Path: "/p", Keys: []string{"uri", "host"}, Optional: true},
		{Secret: "e", Way: UseFiles, Container: "app", Volume: "plain", Path: "/etc/e"},
		{Secret: "e", Way: UseFiles, Container: "app", Volume: "plain", Path: "/etc/e.conf", Fixed: true, Keys: []string{"conf"}},
		{Secret: "e", Way: UseFiles, Container: "app", Volume: "some", Path: "/some", Fixed: true, Keys: []string{"k"}, Optional: true},
		{Secret: "e", Way: UseFiles, Container: "app", Volume: "plain", Path: "/expr", Fixed: true},
		{Secret: "a", Way: UseEnvFrom, Container: "debug", Kind: "ephemeral"},
		{Secret: "h", Way: UseDriver, Volume: "driver"},
		{Secret: "j", Way: UseDriver, Volume: "flex"},
		{Secret: "g", Way: UseVolume, Volume: "idle", Keys: []string{"k"}},
		{Secret: "i", Way: UseDriver, Volume: "share"},
		{Secret: "registry", Way: UsePull},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("use %d: got\n%+v\nwant\n%+v", i, got, want)
		}
	}
	if _, err := Uses([]byte(`{"spec":{"containers":7}}`)); err == nil {
		t.Error("what is no pod is read")
	}
}
