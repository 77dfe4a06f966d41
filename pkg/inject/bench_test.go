package inject_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	strictjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

// BenchmarkPatch takes a pod of 7 KB from its JSON text to the JSON Patch that
// injects one user into its three containers.
//
//   - ours: this package, the annotations parsed each time.
//   - baseline: the least that the usual decoder needs, without any patch: into
//     structs that hold only what this package reads.
//   - typed: corev1 types, changed in place and compared, as webhook frameworks do.
func BenchmarkPatch(b *testing.B) {
	raw := benchmarkPod(b)
	b.Run("baseline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var pod narrowPod
			if err := strictjson.UnmarshalCaseSensitivePreserveInts(raw, &pod); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		bindings := []inject.Binding{{User: "orders-api", Secret: "orders-api-credentials", Revision: 3}}
		b.ReportAllocs()
		for b.Loop() {
			pod, err := inject.Decode(raw)
			if err != nil {
				b.Fatal(err)
			}
			ask, problems := inject.Parse(pod.Annotations)
			patch, err := pod.Patch(ask, bindings)
			if err != nil || patch.JSON == nil || len(problems) > 0 {
				b.Fatal(err, problems)
			}
		}
	})
	b.Run("typed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if patch, err := typedPatch(raw); err != nil || len(patch) == 0 {
				b.Fatal(err)
			}
		}
	})
}

// The typed way is a fair comparison only if it comes to the same pod.
func TestTypedPatchComesToTheSamePod(t *testing.T) {
	raw := benchmarkPod(t)
	theirs, err := typedPatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	want, got := decode(t, apply(t, raw, text)), decode(t, apply(t, raw, patched(t, raw).JSON))
	if path := missing("", got, want); path != "" {
		t.Errorf("typed lacks %s", path)
	}
	if path := missing("", want, got); path != "" {
		t.Errorf("ours lacks %s", path)
	}
}

type narrowPod struct {
	Metadata struct {
		Name         string            `json:"name"`
		GenerateName string            `json:"generateName"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		ServiceAccountName string            `json:"serviceAccountName"`
		InitContainers     []narrowContainer `json:"initContainers"`
		Containers         []narrowContainer `json:"containers"`
		Volumes            []struct {
			Name string `json:"name"`
		} `json:"volumes"`
	} `json:"spec"`
}

type narrowContainer struct {
	Name string `json:"name"`
	Env  []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"env"`
	VolumeMounts []struct {
		MountPath string `json:"mountPath"`
	} `json:"volumeMounts"`
}

// typedPatch injects as a webhook with typed objects does.
func typedPatch(raw []byte) ([]jsonpatch.Operation, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return nil, err
	}
	const secret = "orders-api-credentials"
	source := corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "dbtether-orders-api", VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{source}}}})
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			c := &containers[i]
			for _, v := range [][2]string{{"PGHOST", "host"}, {"PGPORT", "port"}, {"PGDATABASE", "database"}, {"PGUSER", "username"}, {"PGPASSWORD", "password"}, {"PGSSLMODE", "sslmode"}} {
				c.Env = append(c.Env, corev1.EnvVar{Name: v[0], ValueFrom: &corev1.EnvVarSource{
					SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: v[1]}}})
			}
			c.Env = append(c.Env, corev1.EnvVar{Name: "SERVICE_BINDING_ROOT", Value: "/bindings"})
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "dbtether-orders-api", MountPath: "/bindings/orders-api", ReadOnly: true})
		}
	}
	pod.Annotations["dbtether.io/injected"] = "orders-api@3:env+files"
	changed, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	return jsonpatch.CreatePatch(raw, changed)
}

// benchmarkPod returns a pod of about 7 KB, as the API server sends a Deployment's.
func benchmarkPod(t testing.TB) []byte {
	t.Helper()
	container := func(name string, variables int) map[string]any {
		var env []any
		for i := range variables {
			env = append(env, map[string]any{"name": fmt.Sprintf("SHOP_SETTING_%02d", i), "value": fmt.Sprintf("https://setting-%d.shop.svc:8443/v1", i)})
		}
		probe := map[string]any{"httpGet": map[string]any{"path": "/healthz", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
		return map[string]any{
			"name": name, "image": "registry.example.com/shop/" + name + "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			"args": []any{"--listen=:8080", "--config=/etc/shop/config.yaml", "--log-format=json"}, "ports": []any{map[string]any{"name": "http", "containerPort": 8080, "protocol": "TCP"}},
			"env": env, "livenessProbe": probe, "readinessProbe": probe, "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
			"resources":       map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "128Mi"}, "limits": map[string]any{"memory": "256Mi"}},
			"securityContext": map[string]any{"runAsNonRoot": true, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}}},
			"volumeMounts": []any{
				map[string]any{"name": "config", "mountPath": "/etc/shop", "readOnly": true}, map[string]any{"name": "tmp", "mountPath": "/tmp"},
				map[string]any{"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
			},
		}
	}
	init := container("migrate", 12)
	delete(init, "livenessProbe")
	delete(init, "readinessProbe")
	raw, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{
			"generateName": "orders-7c9d8b6f5d-", "namespace": "shop", "creationTimestamp": nil,
			"labels":          map[string]any{"app": "orders", "app.kubernetes.io/part-of": "shop", "pod-template-hash": "7c9d8b6f5d"},
			"annotations":     map[string]any{"dbtether.io/inject": "orders-api", "prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
			"ownerReferences": []any{map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "orders-7c9d8b6f5d", "uid": "5d1c3f0e-6f5e-4f55-9f0a-8f4f3f8e9a11", "controller": true, "blockOwnerDeletion": true}},
		},
		"spec": map[string]any{
			"serviceAccountName": "orders", "serviceAccount": "orders", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
			"initContainers": []any{init}, "containers": []any{container("app", 14), container("proxy", 8)},
			"volumes": []any{
				map[string]any{"name": "config", "configMap": map[string]any{"name": "orders-config", "defaultMode": 420}}, map[string]any{"name": "tmp", "emptyDir": map[string]any{}},
				map[string]any{"name": "kube-api-access-x7k2p", "projected": map[string]any{"defaultMode": 420, "sources": []any{
					map[string]any{"serviceAccountToken": map[string]any{"expirationSeconds": 3607, "path": "token"}},
					map[string]any{"configMap": map[string]any{"name": "kube-root-ca.crt", "items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}},
					map[string]any{"downwardAPI": map[string]any{"items": []any{map[string]any{"path": "namespace", "fieldRef": map[string]any{"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}}},
				}}},
			},
			"tolerations": []any{
				map[string]any{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
				map[string]any{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
			},
		},
		"status": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if size := len(raw); size < 6800 || size > 7400 {
		t.Fatalf("the pod has %d bytes, not about 7 KB", size)
	}
	return raw
}
