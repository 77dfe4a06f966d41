package crash_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// remove takes from the shared servers what the run has left there. The namespace
// stays: nobody would finish its deletion.
func (s *site) remove(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if s.session != nil {
		_ = s.session.Close(ctx)
	}
	s.removeObjects(ctx, t)
	conn, err := pgx.Connect(ctx, s.env.postgres.SuperuserURL(""))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+s.databaseName()+" WITH (FORCE)"); err != nil {
		t.Error(err)
	}
	for _, role := range []string{s.userName(), s.databaseName() + "_ro", s.databaseName() + "_rw", s.databaseName() + "_owner"} {
		if _, err := conn.Exec(ctx, "DROP ROLE IF EXISTS "+role); err != nil {
			t.Error(err)
		}
	}
}

func (s *site) removeObjects(ctx context.Context, t *testing.T) {
	for _, one := range []struct {
		resource schema.GroupVersionResource
		name     string
	}{{v1alpha1.DatabaseUsers, s.user}, {v1alpha1.Databases, s.database}} {
		client := s.env.objects.Resource(one.resource).Namespace(s.name)
		_, err := client.Patch(ctx, one.name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err == nil {
			err = client.Delete(ctx, one.name, metav1.DeleteOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	if err := s.env.core.Secrets(s.name).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.env.objects.Resource(v1alpha1.DBClusters).Delete(ctx, s.name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}
