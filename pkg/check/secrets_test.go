package check

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func TestSecrets(t *testing.T) {
	const password = "correct-horse\"battery"
	secret := func(name string, annotations map[string]string) corev1.Secret {
		return corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: annotations},
			Data: map[string][]byte{"password": []byte(password), "host": []byte("db.example.com"), "DB_HOST": []byte("db.example.com"), "port": []byte("5432")}}
	}
	owned := func(name string) corev1.Secret {
		return secret(name, map[string]string{v1alpha1.AnnotationOwner: "uid-gone"})
	}
	many := []corev1.Secret{}
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"} {
		many = append(many, owned("a.v"+n))
	}
	applied := func(data string) map[string]string {
		return map[string]string{corev1.LastAppliedConfigAnnotation: `{"kind":"Secret",` + data + `"metadata":{"name":"a"}}`}
	}
	leak := func(annotation string) string {
		return "error secrets-annotations: the annotation " + annotation + " of Secret shop/a holds a value of it"
	}
	for _, c := range []struct {
		name    string
		secrets Secrets
		want    []string
	}{
		{"nothing leaks", Secrets{Managed: []corev1.Secret{secret("a", map[string]string{"note": "on db.example.com, port 5432"})}}, nil},
		{"in clear", Secrets{Managed: []corev1.Secret{secret("a", map[string]string{"note": "it is " + password})}}, []string{leak("note")}},
		{"in JSON", Secrets{Managed: []corev1.Secret{secret("a", map[string]string{"note": `{"it":"correct-horse\"battery"}`})}}, []string{leak("note")}},
		{"in base64", Secrets{Managed: []corev1.Secret{secret("a", map[string]string{"note": "Y29ycmVjdC1ob3JzZSJiYXR0ZXJ5"})}}, []string{leak("note")}},
		{"applied", Secrets{Managed: []corev1.Secret{secret("a", applied(`"data":{"password":"Y29ycmVjdC1ob3JzZSJiYXR0ZXJ5"},`))}}, []string{leak(corev1.LastAppliedConfigAnnotation)}},
		{"applied long ago", Secrets{Managed: []corev1.Secret{secret("a", applied(`"stringData":{"password":"older"},`))}},
			[]string{"warning secrets-annotations: the annotation kubectl.kubernetes.io/last-applied-configuration of Secret shop/a holds what its values were when somebody applied it"}},
		{"applied without values", Secrets{Managed: []corev1.Secret{secret("a", applied(""))}}, nil},
		{"a revision of a Secret that is there", Secrets{Managed: []corev1.Secret{secret("a", nil)}, Revisions: []corev1.Secret{owned("a.v1")}}, nil},
		{"a revision of a user that is there", Secrets{Revisions: []corev1.Secret{secret("a.v1", map[string]string{v1alpha1.AnnotationOwner: "uid-a"})},
			Work: Work{Users: []v1alpha1.DatabaseUser{user("a", "Ready", nil)}}}, nil},
		{"what was taken over", Secrets{Revisions: []corev1.Secret{secret("a.v1", nil)}}, nil},
		{"a revision of nothing", Secrets{Revisions: []corev1.Secret{owned("a.v1"), owned("a.v2")}},
			[]string{"warning secrets-revisions-orphaned: 2 revisions of Secrets that are gone, as are their users: shop/a.v1, shop/a.v2"}},
		{"ten", Secrets{Managed: []corev1.Secret{secret("a", nil)}, Revisions: many[:revision.Kept]}, nil},
		{"eleven", Secrets{Managed: []corev1.Secret{secret("a", nil)}, Revisions: many}, []string{"warning secrets-revisions-many: Secret shop/a has 11 revisions, 10 are kept"}},
	} {
		t.Run(c.name, func(t *testing.T) { compare(t, c.secrets.Findings(), c.want...) })
	}
}
