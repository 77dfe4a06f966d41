package plugin

import (
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

func TestParseExplained(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"pod/web", "pod/web"}, {"pods web", "pod/web"}, {"po/web", "pod/web"}, {"Pod/web", "pod/web"},
		{"deploy/web", "deployment/web"}, {"deployment.apps/web", "deployment/web"}, {"deployments.v1.apps web", "deployment/web"},
		{"sts/a", "statefulset/a"}, {"ds/a", "daemonset/a"}, {"rs/a", "replicaset/a"}, {"job/a", "job/a"}, {"cj/a", "cronjob/a"}, {"rc/a", "replicationcontroller/a"},
		{"secret/a.v2", "secret/a.v2"}, {"user/a", "user/a"}, {"users/a", "user/a"}, {"dbu a", "user/a"},
		{"databaseuser.dbtether.io/a", "user/a"}, {"databaseusers.v1alpha1.dbtether.io/a", "user/a"},
		{"", ""}, {"pod", ""}, {"pod/", ""}, {"pod/a/b", ""}, {"pod/a b", ""}, {"pod a b", ""}, {"db/a", ""}, {"deployment.batch/a", ""}, {"pod.apps/a", ""},
	} {
		got, err := parseExplained(strings.Fields(c.args))
		if c.want == "" {
			if err == nil {
				t.Errorf("%q is understood as %s", c.args, got)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%q: %s, %v, want %s", c.args, got, err, c.want)
		}
	}
}

// podOf returns a pod with annotations and the body of its spec.
func podOf(t *testing.T, annotations map[string]string, spec string) runningPod {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("metadata: {name: web}\nspec: "+spec), &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetAnnotations(annotations)
	pod, err := newRunningPod(object, "shop", &review.Objects{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func userOf(revision int64) *v1alpha1.DatabaseUser {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", Namespace: "shop"}}
	user.Status.SecretName, user.Status.SecretRevision, user.Status.Phase = "api-credentials", revision, v1alpha1.PhaseReady
	return user
}

const withEnv = "{containers: [{name: app, env: [{name: PGHOST, valueFrom: {secretKeyRef: {name: api-credentials, key: host}}}]}]}"

func TestCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		inject, injected, spec string
		current                int64
		unseen                 bool
		want                   string
	}{
		"current":            {"api", "api@2:env", withEnv, 2, false, stateCurrent},
		"older in env":       {"api", "api@1:env+files", withEnv, 2, false, stateStale},
		"older as files":     {"api", "api@1:files", withEnv, 2, false, stateFollows},
		"nobody's text":      {"api", "api", withEnv, 2, false, stateStale},
		"older of libpq":     {"api", "api@1:libpq", withEnv, 2, false, stateFollows},
		"newer":              {"api", "api@3:env", withEnv, 2, false, stateReplaced},
		"of no container":    {"api", "api@2:env", "{containers: [{name: app}]}", 2, false, stateAbsent},
		"asked, not given":   {"api", "", withEnv, 2, false, stateMissing},
		"user gone":          {"other", "other@1:env", withEnv, 2, false, stateGone},
		"user not looked at": {"other", "other@1:env", withEnv, 2, true, stateUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			facts := &review.Objects{}
			facts.SetUser(userOf(c.current))
			annotations := map[string]string{v1alpha1.AnnotationInject: c.inject}
			if c.injected != "" {
				annotations[v1alpha1.AnnotationInjected] = c.injected
			}
			got := podOf(t, annotations, c.spec).credentials(facts, "shop", !c.unseen)
			if len(got) != 1 || got[0].State != c.want {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

// A template that was restarted for a revision has pods with that one, whatever the
// webhook knew when they came.
func TestRestartedFor(t *testing.T) {
	facts := &review.Objects{}
	user := userOf(2)
	user.UID = "0c94e1f2-1111"
	facts.SetUser(user)
	for restarted, want := range map[string]string{"api@2/0c94e1f2": stateCurrent, "api@2/99999999": stateStale, "api@2": stateStale, "api@1": stateStale, "other@2": stateStale} {
		pod := podOf(t, map[string]string{v1alpha1.AnnotationInject: "api", v1alpha1.AnnotationInjected: "api@1:env", v1alpha1.AnnotationRestartedFor: restarted}, withEnv)
		if got := pod.credentials(facts, "shop", true); got[0].State != want {
			t.Errorf("restarted for %s: %+v", restarted, got)
		}
	}
}

// Of pods with the labels of a workload those are its own that no other one controls.
func TestSelects(t *testing.T) {
	made := func(kind, spec string) workload {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte("metadata: {name: web, uid: u}\nspec: "+spec), &object.Object); err != nil {
			t.Fatal(err)
		}
		return workload{objectKind: objectKind{kind: kind}, object: object}
	}
	const selector = "{selector: {matchLabels: {app: web}}}"
	web := map[string]string{"app": "web"}
	hashed := map[string]string{"app": "web", "pod-template-hash": "1a"}
	owner := func(kind, name string, uid types.UID) *metav1.OwnerReference {
		return &metav1.OwnerReference{Kind: kind, Name: name, UID: uid}
	}
	for name, c := range map[string]struct {
		workload workload
		pod      runningPod
		want     bool
	}{
		"no controller":          {made("Deployment", selector), runningPod{labels: web}, true},
		"other labels":           {made("Deployment", selector), runningPod{labels: map[string]string{"app": "x"}}, false},
		"its ReplicaSet":         {made("Deployment", selector), runningPod{labels: hashed, owner: owner("ReplicaSet", "web-1a", "r")}, true},
		"another's ReplicaSet":   {made("Deployment", selector), runningPod{labels: hashed, owner: owner("ReplicaSet", "other-1a", "r")}, false},
		"a StatefulSet's":        {made("Deployment", selector), runningPod{labels: web, owner: owner("StatefulSet", "web", "s")}, false},
		"its own":                {made("StatefulSet", selector), runningPod{labels: web, owner: owner("StatefulSet", "web", "u")}, true},
		"another StatefulSet's":  {made("StatefulSet", selector), runningPod{labels: web, owner: owner("StatefulSet", "other", "s")}, false},
		"without a selector":     {made("Job", "{}"), runningPod{labels: web}, false},
		"of an empty one":        {made("Job", "{selector: {}}"), runningPod{labels: web}, false},
		"of an older controller": {made("ReplicationController", "{selector: {app: web}}"), runningPod{labels: web}, true},
	} {
		t.Run(name, func(t *testing.T) {
			selects, err := c.workload.selects(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := selects(c.pod); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// What was given comes first, and what is asked for beside it after that.
func TestCredentialsOfTwo(t *testing.T) {
	facts := &review.Objects{}
	facts.SetUser(userOf(2))
	pod := podOf(t, map[string]string{v1alpha1.AnnotationInject: "api,x=reports", v1alpha1.AnnotationInjected: "api@2:env"}, withEnv)
	want := []credential{
		{User: "api", Form: "env", Secret: "api-credentials", Revision: 2, CurrentRevision: 2, State: stateCurrent, UserPhase: "Ready"},
		{User: "reports", Alias: "x", State: stateMissing},
	}
	if got := pod.credentials(facts, "shop", true); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestOwnState(t *testing.T) {
	changed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before, after := changed.Add(-time.Hour), changed.Add(time.Hour)
	secret := live{name: "s", revision: 3, changed: changed}
	const env, files = "{containers: [{name: app, envFrom: [{secretRef: {name: s}}]}]}", "{containers: [{name: app, volumeMounts: [{name: v, mountPath: /s}]}], volumes: [{name: v, secret: {secretName: s}}]}"
	for name, c := range map[string]struct {
		spec    string
		started time.Time
		secret  live
		want    string // empty: it takes nothing
	}{
		"nothing":                   {"{containers: [{name: app}]}", before, secret, ""},
		"started before":            {env, before, secret, stateStale},
		"started after":             {env, after, secret, stateCurrent},
		"not started":               {env, time.Time{}, secret, stateCurrent},
		"of which nothing is known": {env, before, live{name: "s"}, stateUnknown},
		"files":                     {files, before, secret, stateCurrent},
		"files of a subPath":        {strings.Replace(files, "mountPath: /s", "mountPath: /s, subPath: host", 1), before, secret, stateStale},
		"an old revision":           {strings.ReplaceAll(env, "name: s}", "name: s.v2}"), after, secret, stateStale},
		"the current revision":      {strings.ReplaceAll(env, "name: s}", "name: s.v3}"), before, secret, stateCurrent},
		"a volume alone":            {"{containers: [{name: app}], volumes: [{name: v, secret: {secretName: s}}]}", before, secret, stateCurrent},
		"the worst of two":          {"{containers: [{name: other, envFrom: [{secretRef: {name: s}}]}, {name: app, envFrom: [{secretRef: {name: s}}]}]}", before, secret, stateStale},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(t, nil, c.spec)
			if !c.started.IsZero() {
				pod.started["app"] = c.started
			}
			got, takes := pod.ownState(c.secret)
			if takes != (c.want != "") || takes && got != c.want {
				t.Errorf("got %s, %v, want %q", got, takes, c.want)
			}
		})
	}
}

// The form is the one that the patch gives, whatever the annotations say of it.
func TestForms(t *testing.T) {
	const pod = `{"metadata":{"annotations":{"dbtether.io/inject":"a,x=b","dbtether.io/as":"files","dbtether.io/env":"U=x.uri"CONTAINERS}},"spec":{"containers":[{"name":"app"ENV}]}}`
	read := func(containers, env string) map[string]string {
		text := strings.NewReplacer("CONTAINERS", containers, "ENV", env).Replace(pod)
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		running, err := newRunningPod(object, "shop", &review.Objects{})
		if err != nil {
			t.Fatal(err)
		}
		return forms([]byte(text), running.ask, "shop", &review.Objects{})
	}
	for env, want := range map[string]map[string]string{"": {"a": "files", "b": "env+files"},
		`,"envFrom":[{"secretRef":{"name":"a-credentials"}}]`: {"a": "env+files", "b": "env+files"}} {
		if got := read("", env); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if got := read(`,"dbtether.io/containers":"other"`, ""); got != nil {
		t.Errorf("of pods that get nothing: %v", got)
	}
}
