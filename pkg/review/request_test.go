package review_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

func TestDecode(t *testing.T) {
	const body = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","newer":[1],"request":{"uid":"u1",` +
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"subResource":"ephemeralcontainers",` +
		`"operation":"UPDATE","namespace":"shop","name":"a","dryRun":true,"userInfo":{"username":"jane","groups":["dev"],"extra":{"x":["y"]}},` +
		`"object":{"spec": {"of": "tomorrow"}},"oldObject":null}}`
	want := &review.Request{UID: "u1", Kind: review.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource: review.GroupVersionResource{Version: "v1", Resource: "pods"}, SubResource: "ephemeralcontainers", Operation: review.Update,
		Namespace: "shop", Name: "a", DryRun: true, User: review.User{Username: "jane", Groups: []string{"dev"}}, Object: []byte(`{"spec": {"of": "tomorrow"}}`)}
	got, err := review.Decode([]byte(body))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const head = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"`
	for _, c := range []struct{ name, body, want string }{
		{"nothing", ``, "unexpected end of JSON input"},
		{"no JSON", `kind: AdmissionReview`, "invalid character 'k' looking for beginning of value"},
		{"another object", `{"kind":"Pod","apiVersion":"v1"}`, `the body is "Pod" of "v1", not AdmissionReview of admission.k8s.io/v1`},
		{"the old version", `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"u1"}}`, `the body is "AdmissionReview" of "admission.k8s.io/v1beta1", not AdmissionReview of admission.k8s.io/v1`},
		{"request null", head + `,"request":null}`, "request is missing or null"},
		{"request missing", head + `}`, "request is missing or null"},
		{"names are case-sensitive", head + `,"Request":{"uid":"u1"}}`, "request is missing or null"},
		{"no uid", head + `,"request":{"UID":"u1"}}`, "request.uid is missing"},
		{"a list", `[` + head + `}]`, "cannot unmarshal array"},
		{"two documents", head + `,"request":{"uid":"u1"}} {}`, "invalid character '{' after top-level value"},
		{"a wrong type", head + `,"request":{"uid":"u1","namespace":7}}`, "cannot unmarshal number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := review.Decode([]byte(c.body))
			if err == nil || !strings.HasPrefix(err.Error(), "decode AdmissionReview: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
