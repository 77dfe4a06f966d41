package inject_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

func TestDecodeErrors(t *testing.T) {
	for raw, want := range map[string]string{
		``:                                 "decode pod: not a JSON text",
		`{"spec":`:                         "decode pod: not a JSON text",
		`{} {}`:                            "decode pod: not a JSON text",
		`null`:                             "decode pod: a pod is not an object",
		`[]`:                               "decode pod: a pod is not an object",
		`{"metadata":[]}`:                  "decode pod: metadata is not an object",
		`{"metadata":{"name":1}}`:          "decode pod: metadata.name is not a string",
		`{"metadata":{"annotations":"x"}}`: "decode pod: metadata.annotations is not an object",
		`{"metadata":{"annotations":{"a":true}}}`: "decode pod: metadata.annotations is not a string",
		`{"spec":"x"}`:                                                   "decode pod: spec is not an object",
		`{"spec":{"containers":{}}}`:                                     "decode pod: a list of containers is not an array",
		`{"spec":{"containers":[null]}}`:                                 "decode pod: a container is not an object",
		`{"spec":{"containers":[{"env":{}}]}}`:                           "decode pod: a container's env is not an array",
		`{"spec":{"initContainers":[{"env":[{"name":[]}]}]}}`:            "decode pod: a variable's name is not a string",
		`{"spec":{"containers":[{"volumeMounts":[{"mountPath":{}}]}]}}`:  "decode pod: a mountPath is not a string",
		`{"spec":{"volumes":[{"projected":{"sources":{}}}],"x":[[{}]]}}`: "decode pod: a projected volume's sources is not an array",
	} {
		if _, err := inject.Decode([]byte(raw)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

func TestPatchErrors(t *testing.T) {
	const pod = `{"spec":{"initContainers":[{"name":"migrate"}],"containers":[{"name":"app"}]}}`
	orders := inject.Binding{User: "orders-api", Secret: "orders-api-credentials", Revision: 3}
	reports := inject.Binding{User: "analytics-ro", Alias: "reports", Secret: "analytics-ro-credentials", Revision: 1}
	users := func(bindings ...inject.Binding) (users []inject.UserAsk) {
		for _, b := range bindings {
			users = append(users, inject.UserAsk{Name: b.User, Alias: b.Alias})
		}
		return users
	}
	with := func(change func(*inject.Binding)) []inject.Binding {
		b := orders
		change(&b)
		return []inject.Binding{b}
	}
	hostile, alias := with(func(b *inject.Binding) { b.User = "../etc" }), with(func(b *inject.Binding) { b.Alias = "a/b" })
	many := make([]inject.Binding, 65)
	for i := range many {
		many[i] = inject.Binding{User: fmt.Sprintf("u%d", i), Alias: fmt.Sprintf("a%d", i), Secret: "s"}
	}
	for _, c := range []struct {
		name, pod string
		ask       inject.Ask
		bindings  []inject.Binding
		want      string
	}{
		{"no containers", `{"spec":{"initContainers":[{"name":"app"}]}}`, inject.Ask{Users: users(orders)}, []inject.Binding{orders}, "it has no containers"},
		{"unknown container", pod, inject.Ask{Users: users(orders), Containers: []string{"migrat"}}, []inject.Binding{orders},
			`dbtether.io/containers: the pod has no container "migrat": write "migrate"; it has migrate, app`},
		{"container unlike any", pod, inject.Ask{Users: users(orders), Containers: []string{"app", "xxxxxxx"}}, []inject.Binding{orders},
			`dbtether.io/containers: the pod has no container "xxxxxxx": it has migrate, app`},
		{"no bindings", pod, inject.Ask{Users: users(orders)}, nil, "0 bindings for 1 users"},
		{"too many bindings", pod, inject.Ask{Users: users(orders)}, []inject.Binding{orders, reports}, "2 bindings for 1 users"},
		{"binding of another user", pod, inject.Ask{Users: users(orders)}, []inject.Binding{reports}, `user "orders-api": no binding`},
		{"binding of another alias", pod, inject.Ask{Users: users(orders)}, alias, `user "orders-api": no binding`},
		{"files that nobody reads", `{"spec":{"securityContext":{"runAsNonRoot":true},"containers":[{"name":"app"}]}}`, inject.Ask{Users: users(orders), Mode: 0o440}, []inject.Binding{orders},
			`dbtether.io/file-mode: files of mode 0440 are root's, and container "app" does not run as root: set spec.securityContext.fsGroup, or write 0444`},
		{"no Secret", pod, inject.Ask{Users: users(orders)}, with(func(b *inject.Binding) { b.Secret = "" }), `user "orders-api": "" is not the name of a Secret`},
		{"hostile user", pod, inject.Ask{Users: users(hostile...)}, hostile, `user "../etc": not a name`},
		{"hostile alias", pod, inject.Ask{Users: users(alias...)}, alias, `user "a/b": not a name`},
		{"user twice", pod, inject.Ask{Users: users(orders, orders)}, []inject.Binding{orders, orders}, `user "orders-api": bound twice`},
		{"too many users", pod, inject.Ask{Users: users(many...)}, many, "at most 64 users, variables and files, not 65, 0 and 0"},
		{"variable of no user", pod, inject.Ask{Users: users(orders), Env: []inject.EnvAsk{{Variable: "A", Alias: "b", Key: "uri"}}}, []inject.Binding{orders}, `variable "A": no user has the alias "b"`},
		{"variable of no key", pod, inject.Ask{Users: users(orders), Env: []inject.EnvAsk{{Variable: "A", Key: "url"}}}, []inject.Binding{orders}, `variable "A": "url" is not a key of a credential`},
		{"file of no user", pod, inject.Ask{Users: users(orders), Files: []inject.FileAsk{{Name: "a", Alias: "b", Key: "uri"}}}, []inject.Binding{orders}, `file "a": no user has the alias "b"`},
		{"file elsewhere", pod, inject.Ask{Users: users(orders), Files: []inject.FileAsk{{Name: "../a", Key: "uri"}}}, []inject.Binding{orders}, `file "../a": not a name`},
		{"hostile directory", pod, inject.Ask{Users: users(orders), Root: "/a/../b"}, []inject.Binding{orders}, `"/a/../b" is not a directory for credentials`},
		{"no mode", pod, inject.Ask{Users: users(orders), Mode: 0o1777}, []inject.Binding{orders}, `1777 is not the mode of a file`},
		{"variable of no name", pod, inject.Ask{Users: users(orders), Env: []inject.EnvAsk{{Variable: "A=B", Key: "uri"}}}, []inject.Binding{orders}, `variable "A=B": not a name`},
		{"too many containers", `{"spec":{"containers":[` + strings.Repeat(`{"name":"a"},`, 9999) + `{"name":"b"}]}}`, inject.Ask{Users: users(orders)}, []inject.Binding{orders},
			"10000 containers: the patch would exceed 2 MiB"},
		{"every volume's name taken", `{"spec":{"containers":[{"name":"a"}],"volumes":[` + takenVolumes() + `]}}`, inject.Ask{Users: users(orders)}, []inject.Binding{orders},
			`user "orders-api": every name for its volume is taken, as "dbtether-orders-api-2ea86139" is`},
	} {
		t.Run(c.name, func(t *testing.T) {
			decoded, err := inject.Decode([]byte(c.pod))
			if err != nil {
				t.Fatal(err)
			}
			patch, err := decoded.Patch(&c.ask, c.bindings)
			if err == nil || err.Error() != "patch pod: "+c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
			if patch.JSON != nil || patch.Injected != "" {
				t.Errorf("a patch beside the error: %+v", patch)
			}
			if problem, ok := errors.AsType[inject.Problem](err); ok != strings.HasPrefix(c.want, prefix) || ok && problem.Fix == "" {
				t.Errorf("as a problem: %+v", problem)
			}
		})
	}
}

// On Windows files have no mode, and a container overrides its pod.
func TestModeThatIsReadable(t *testing.T) {
	for _, pod := range []string{
		`{"spec":{"os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},"containers":[{"name":"app"}]}}`,
		`{"spec":{"securityContext":{"runAsNonRoot":true},"containers":[{"name":"app","securityContext":{"runAsNonRoot":false}}]}}`,
		`{"spec":{"securityContext":{"runAsUser":5},"containers":[{"name":"app","securityContext":{"runAsUser":0}}]}}`,
		`{"spec":{"securityContext":{"runAsUser":5,"fsGroup":5},"containers":[{"name":"app"}]}}`,
		`{"spec":{"containers":[{"name":"app"}]}}`,
	} {
		decoded, err := inject.Decode([]byte(pod))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decoded.Patch(&inject.Ask{Users: []inject.UserAsk{{Name: "a"}}, Mode: 0o440}, []inject.Binding{{User: "a", Secret: "s"}}); err != nil {
			t.Errorf("%s: %v", pod, err)
		}
	}
}

// A pod that has the credential in its environment by its own reference holds it there,
// whatever form it asks for.
func TestOwnReferencesHold(t *testing.T) {
	for spec, holds := range map[string]bool{
		`{"containers":[{"name":"app"}]}`: false,
		`{"containers":[{"name":"app","env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"password"}}}]}]}`:                                                                                        true,
		`{"containers":[{"name":"app"}],"initContainers":[{"name":"i","envFrom":[{"configMapRef":{"name":"s"}},{"secretRef":{"name":"s"}}]}]}`:                                                                   true,
		`{"containers":[{"name":"app","env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s.v3","key":"password"}}}]}]}`:                                                                                     true,
		`{"containers":[{"name":"app","env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s.very","key":"x"}}}]}]}`:                                                                                          true, // rather too many than too few
		`{"containers":[{"name":"app","env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s2","key":"x"}}}]}]}`:                                                                                              false,
		`{"containers":[{"name":"app","env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"s","key":"x"}}}]}]}`:                                                                                            false,
		`{"containers":[{"name":"app","volumeMounts":[{"name":"v","mountPath":"/a"}]}],"volumes":[{"name":"v","secret":{"secretName":"s"}}]}`:                                                                    false,
		`{"containers":[{"name":"app","volumeMounts":[{"name":"v","mountPath":"/a","subPath":"x"}]}],"volumes":[{"name":"v","secret":{"secretName":"s"}}]}`:                                                      true,
		`{"containers":[{"name":"app","volumeMounts":[{"name":"v","mountPath":"/a","subPathExpr":"x"}]}],"volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"c"}},{"secret":{"name":"s"}}]}}]}`: true,
		`{"containers":[{"name":"app","volumeMounts":[{"name":"w","mountPath":"/a","subPath":"x"}]}],"volumes":[{"name":"v","secret":{"secretName":"s"}},{"name":"w","emptyDir":{}}]}`:                           false,
	} {
		for form, want := range map[inject.Form]string{inject.FormFiles: "files", inject.FormLibpq: "libpq"} {
			if holds {
				want = "env+" + want
			}
			decoded, err := inject.Decode([]byte(`{"spec":` + spec + `}`))
			if err != nil {
				t.Fatal(err)
			}
			patch, err := decoded.Patch(&inject.Ask{Users: []inject.UserAsk{{Name: "a"}}, As: form}, []inject.Binding{{User: "a", Secret: "s", Revision: 4}})
			if err != nil || patch.Injected != "a@4:"+want {
				t.Errorf("%s: %q, %v, want %s", spec, patch.Injected, err, want)
			}
		}
	}
}

func TestPatchWithoutAsk(t *testing.T) {
	pod, err := inject.Decode([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []*inject.Ask{nil, {}} {
		if patch, err := pod.Patch(ask, nil); err != nil || patch.JSON != nil || patch.Injected != "" {
			t.Errorf("%+v: %+v, %v", ask, patch, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`{}`:              `{"metadata":{"annotations":{"dbtether.io/injected":"none"}}}`,
		`{"metadata":{}}`: `{"metadata":{"annotations":{"dbtether.io/injected":"none"}}}`,
		`{"metadata":{"annotations":{"a/b":"c"}}}`:                                 `{"metadata":{"annotations":{"a/b":"c","dbtether.io/injected":"none"}}}`,
		`{"metadata":{"annotations":{"dbtether.io/injected":"orders-api@3:env"}}}`: `{"metadata":{"annotations":{"dbtether.io/injected":"none"}}}`,
	} {
		pod, err := inject.Decode([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		patch := pod.Refused()
		result := apply(t, []byte(raw), patch.JSON)
		if string(result) != want || patch.Injected != inject.Nothing {
			t.Errorf("%s became %s, %q", raw, result, patch.Injected)
		}
		if pod, err = inject.Decode(result); err != nil || pod.Refused().JSON != nil {
			t.Errorf("%s is refused twice: %v", raw, err)
		}
	}
}

// takenVolumes returns volumes under the names that a binding of orders-api tries,
// found by taking one after the other.
func takenVolumes() string {
	var taken []string
	for {
		pod, err := inject.Decode([]byte(`{"spec":{"containers":[{"name":"a"}],"volumes":[` + strings.Join(taken, ",") + `]}}`))
		if err != nil {
			return err.Error()
		}
		patch, err := pod.Patch(&inject.Ask{Users: []inject.UserAsk{{Name: "orders-api"}}}, []inject.Binding{{User: "orders-api", Secret: "s"}})
		if err != nil {
			return strings.Join(taken, ",")
		}
		_, name, _ := strings.Cut(string(patch.JSON), `"name":"dbtether-`)
		name, _, _ = strings.Cut(name, `"`)
		taken = append(taken, `{"name":"dbtether-`+name+`"}`)
	}
}
