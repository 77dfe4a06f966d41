package provision_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestChangedAdminPassword changes the administrator's password on the server and in its
// Secret, while a session of its own stays open: one run notices, and the next has the new one.
func TestChangedAdminPassword(t *testing.T) {
	s := newSite(t)
	p := s.provisioner(t, "", nil)
	conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	execute := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	admin := s.prefix + "_admin"
	execute("CREATE ROLE " + admin + " LOGIN CREATEDB CREATEROLE PASSWORD 'first'")
	admins := p.Secrets.Secrets(s.id)
	credential := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "admin"}, StringData: map[string]string{"username": admin, "password": "first"}}
	if credential, err = admins.Create(t.Context(), credential, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	patch := `{"spec":{"credentialsFromEnv":null,"credentialsSecretRef":{"name":"admin","namespace":"` + s.id + `"}}}`
	if _, err := s.objects.Resource(v1alpha1.DBClusters).Patch(t.Context(), s.id, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	request := s.application()
	request.Users = nil
	if err := p.Provision(t.Context(), request, goOn); err != nil {
		t.Fatal(err)
	}

	execute("ALTER ROLE " + admin + " PASSWORD 'second'")
	credential.StringData = map[string]string{"password": "second"}
	if _, err := admins.Update(t.Context(), credential, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	var refused *postgres.ConnectError
	if err := p.Provision(t.Context(), request, goOn); err != nil && (!errors.As(err, &refused) || refused.SQLState != "28P01") {
		t.Fatal(err)
	}
	if err := p.Provision(t.Context(), request, goOn); err != nil {
		t.Errorf("the run after the one that noticed: %v", err)
	}
}
