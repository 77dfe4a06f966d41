package crash_test

import (
	"context"
	"errors"
	"fmt"
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
	// The newest first: a role that made others cannot go before them.
	for _, kind := range []struct{ names, drop string }{
		{"SELECT quote_ident(datname) FROM pg_database WHERE starts_with(datname, $1) ORDER BY oid DESC", "DROP DATABASE %s WITH (FORCE)"},
		{"SELECT quote_ident(rolname) FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY oid DESC", "DROP ROLE %s"},
	} {
		rows, _ := conn.Query(ctx, kind.names, s.name)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range names {
			_, dropErr := conn.Exec(ctx, fmt.Sprintf(kind.drop, name))
			err = errors.Join(err, dropErr)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func (s *site) removeObjects(ctx context.Context, t *testing.T) {
	for _, resource := range []schema.GroupVersionResource{v1alpha1.DatabaseUsers, v1alpha1.Databases} {
		client := s.env.objects.Resource(resource).Namespace(s.name)
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, object := range list.Items {
			_, err := client.Patch(ctx, object.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			if err == nil {
				err = client.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
			}
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		}
	}
	if err := s.env.core.Secrets(s.name).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.env.objects.Resource(v1alpha1.DBClusters).Delete(ctx, s.name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}
