package inject_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

// A pod is either the text, where that is one, or made up from the seed. Whatever
// the annotations say, a patch applies, keeps what was there and is complete.
func FuzzPatch(f *testing.F) {
	for i, name := range corpus(f) {
		f.Add(read(f, name+".json"), uint64(i), "orders-api, reports=analytics-ro", "both", "DATABASE_URL=uri,R=reports.host", "app", i%3 == 0)
		f.Add([]byte(nil), uint64(i), "a=b", "files", "", "", false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, seed uint64, users, as, env, containers string, ephemeral bool) {
		annotations := map[string]string{prefix + "inject": users}
		for key, value := range map[string]string{"as": as, "env": env, "containers": containers} {
			if value != "" {
				annotations[prefix+key] = value
			}
		}
		further := rand.New(rand.NewPCG(seed, 1))
		for key, values := range map[string][]string{"files": {"user=username", "x=uri,y=reports.uri", "../x=uri"}, "path": {"/etc/database", "/a/../b", "/srv"},
			"file-mode": {"0440", "444", "9"}, "optional": {"true", "false", "maybe"}} {
			if n := further.IntN(2 * len(values)); n < len(values) {
				annotations[prefix+key] = values[n]
			}
		}
		pod, err := inject.Decode(raw)
		if err != nil {
			raw = madeUp(rand.New(rand.NewPCG(seed, 0)))
			if pod, err = inject.Decode(raw); err != nil {
				t.Fatal(err)
			}
		}
		ask, problems := inject.Parse(annotations)
		for _, problem := range problems {
			if problem.Annotation == "" || problem.Message == "" || problem.Fix == "" {
				t.Errorf("%+v", problem)
			}
		}
		if len(problems) > 0 {
			ask = &inject.Ask{Users: []inject.UserAsk{{Name: "orders-api"}, {Name: "analytics.ro", Alias: "reports"}}, As: []inject.Form{"", inject.FormLibpq}[seed%2],
				Root: []string{"", "/srv"}[seed/2%2], Optional: seed/4%2 == 0, Files: []inject.FileAsk{{Name: "x", Key: "uri"}, {Name: "y", Alias: "reports", Key: "host"}}[:seed/8%3]}
		}
		var options []inject.Option
		if ephemeral {
			options = append(options, inject.EphemeralContainers(nil))
		}
		patch, err := pod.Patch(ask, bindings(ask), options...)
		if err != nil {
			return
		}
		result := apply(t, raw, patch.JSON)
		if path := missing("", decode(t, raw), decode(t, result)); path != "" {
			t.Errorf("the patch loses or changes %s: %s", path, raw)
		}
		unique(t, decode(t, raw), decode(t, result))
		again, err := inject.Decode(result)
		if err != nil {
			t.Fatal(err)
		}
		second, err := again.Patch(ask, bindings(ask), options...)
		if err != nil || second.JSON != nil || second.Injected != patch.Injected {
			t.Errorf("patched again: %v, %s\n%s", err, second.JSON, raw)
		}
	})
}

// madeUp returns a pod in which everything that injection looks at may be there,
// empty, null or absent, under names that clash.
func madeUp(r *rand.Rand) []byte {
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	object := func(members map[string]any) map[string]any {
		for key := range members {
			switch r.IntN(8) {
			case 0:
				delete(members, key)
			case 1:
				members[key] = nil
			}
		}
		return members
	}
	array := func(element func(int) any) []any {
		elements := make([]any, r.IntN(4))
		for i := range elements {
			elements[i] = element(i)
		}
		return elements
	}
	names := []any{"PGHOST", "PGUSER", "REPORTS_PGPORT", "DATABASE_URL", "SERVICE_BINDING_ROOT", "A"}
	container := func(i int) any {
		return map[string]any{
			"name": fmt.Sprintf("c%d", i), "future": pick(nil, 1e20, "x", []any{nil}),
			"env": pick(nil, array(func(int) any {
				return object(map[string]any{"name": pick(names...), "value": pick("/srv/", "/", "", "$(A)", "b", `C:\x`, "/bindings", "\u2028\"\\"), "valueFrom": pick(nil, map[string]any{})})
			})),
			"volumeMounts": pick(nil, array(func(int) any {
				return object(map[string]any{"name": "v", "mountPath": pick("/bindings/orders-api", "/bindings//reports/", "/srv/reports", "/data", "", "b/orders-api")})
			})),
		}
	}
	volume := func(int) any {
		source := object(map[string]any{"name": pick("orders-api-credentials", "analytics.ro-credentials"), "optional": pick(nil, true, false),
			"items": pick(nil, []any{}, []any{map[string]any{"key": "uri", "path": "x"}})})
		return map[string]any{
			"name":      pick("dbtether-orders-api", "dbtether-reports", "data"),
			"projected": object(map[string]any{"defaultMode": 420, "sources": pick([]any{}, []any{object(map[string]any{"secret": source})}, []any{map[string]any{"secret": source}, map[string]any{}})}),
		}
	}
	spec := object(map[string]any{"initContainers": array(container), "ephemeralContainers": array(container), "volumes": array(volume), "future": 1})
	spec["containers"] = []any{container(7), container(8)}
	pod := object(map[string]any{"kind": "Pod", "metadata": object(map[string]any{"annotations": object(map[string]any{prefix + "injected": "x", "a/b~c": "d"})})})
	pod["spec"] = spec
	raw, err := json.Marshal(pod)
	if err != nil {
		panic(err)
	}
	return raw
}
