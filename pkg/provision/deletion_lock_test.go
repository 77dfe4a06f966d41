package provision_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// deletable is a resource of an application, and how its deletion is opened with what was
// read of it.
type deletable struct {
	resource schema.GroupVersionResource
	name     string
	open     func(context.Context, *provision.Provisioner, provision.DeletionOptions) (*provision.Deletion, error)
}

// deletables returns the user of an application and its database.
func deletables(request provision.Request) (user, database deletable) {
	u, db := request.Users[0], request.Database
	user = deletable{v1alpha1.DatabaseUsers, u.Name, func(ctx context.Context, p *provision.Provisioner, o provision.DeletionOptions) (*provision.Deletion, error) {
		return p.OpenUserDeletion(ctx, u, o)
	}}
	database = deletable{v1alpha1.Databases, db.Name, func(ctx context.Context, p *provision.Provisioner, o provision.DeletionOptions) (*provision.Deletion, error) {
		return p.OpenDatabaseDeletion(ctx, db, o)
	}}
	return user, database
}

// delete plans the deletion as it would be shown, and carries it out after between.
func (d deletable) delete(ctx context.Context, p *provision.Provisioner, between func()) error {
	shown, err := d.open(ctx, p, provision.DeletionOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	shown.Close()
	between()
	planned, err := d.open(ctx, p, provision.DeletionOptions{})
	if err != nil {
		return err
	}
	defer planned.Close()
	return planned.Apply(ctx)
}

// alone is an application with a database that no user refers to.
func (s *site) alone(t *testing.T, p *provision.Provisioner, policy v1alpha1.DeletionPolicy) provision.Request {
	t.Helper()
	request := s.application()
	request.Database.Spec.DeletionPolicy, request.Database.Spec.ForceDrop = policy, policy == v1alpha1.DeletionDelete
	alone := provision.Request{Database: request.Database}
	if err := p.Provision(t.Context(), alone, goOn); err != nil {
		t.Fatal(err)
	}
	return request
}

// What was changed after the plan of its deletion was shown is not deleted: not under
// another policy, nor where no server has to be asked.
func TestDeletionOfWhatHasChanged(t *testing.T) {
	s := newSite(t)
	p := s.provisioner(t, "", nil)
	refused := func(t *testing.T, d deletable, patch string) {
		t.Helper()
		err := d.delete(t.Context(), p, func() { s.change(t, d.resource, d.name, patch) })
		if err == nil || !strings.HasSuffix(err.Error(), "was changed by someone else meanwhile") {
			t.Errorf("%s after %s: %v", d.name, patch, err)
		}
		object, err := s.objects.Resource(d.resource).Namespace(s.id).Get(t.Context(), d.name, metav1.GetOptions{})
		if err != nil || object.GetDeletionTimestamp() != nil {
			t.Errorf("%s after %s: it is deleted (%v)", d.name, patch, err)
		}
	}
	request := s.alone(t, p, v1alpha1.DeletionDelete)
	_, database := deletables(request)
	for _, patch := range []string{`{"spec":{"deletionPolicy":"Retain"}}`, `{"spec":{"deletionPolicy":"Delete"}}`, `{"spec":{"forceDrop":false}}`} {
		refused(t, database, patch)
		db, err := p.Database(t.Context(), s.id, s.id)
		if err != nil {
			t.Fatal(err)
		}
		*request.Database = *db
	}
	if err := p.Provision(t.Context(), provision.Request{Users: request.Users}, goOn); err != nil {
		t.Fatal(err)
	}
	user, _ := deletables(request)
	refused(t, user, `{"spec":{"deletionPolicy":"Retain"}}`)
	if database, login := s.stands(t); !database || !login {
		t.Errorf("the database stands: %v, the login: %v", database, login)
	}
}

// A resource that takes the place of the one whose deletion was shown stays.
func TestDeletionOfWhatIsAnotherOne(t *testing.T) {
	s := newSite(t)
	p := s.provisioner(t, "", nil)
	_, database := deletables(s.alone(t, p, v1alpha1.DeletionRetain))
	err := database.delete(t.Context(), p, func() { s.recreate(t, v1alpha1.Databases, s.id) })
	var gone *provision.GoneError
	if !errors.As(err, &gone) || !gone.Gone || !gone.Replaced {
		t.Errorf("got %v", err)
	}
	if _, err := p.Database(t.Context(), s.id, s.id); err != nil {
		t.Error(err)
	}
}

// What is changed after the deletion was opened is not deleted either.
func TestDeletionOfWhatChangesAtLast(t *testing.T) {
	s := newSite(t)
	p := s.provisioner(t, "", nil)
	_, database := deletables(s.alone(t, p, v1alpha1.DeletionDelete))
	d, err := database.open(t.Context(), p, provision.DeletionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s.change(t, v1alpha1.Databases, s.id, `{"spec":{"deletionPolicy":"Retain"}}`)
	if err := d.Apply(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "was changed by someone else meanwhile") {
		t.Errorf("got %v", err)
	}
	if database, _ := s.stands(t); !database {
		t.Error("the database was dropped")
	}
}

// What changes while a deletion waits for a lock is not deleted as it was before.
func TestChangesWhileADeletionWaits(t *testing.T) {
	for name, c := range map[string]struct {
		resource schema.GroupVersionResource
		patch    string
	}{
		"resource": {v1alpha1.Databases, `{"spec":{"deletionPolicy":"Retain"}}`},
		"cluster":  {v1alpha1.DBClusters, `{"spec":{"endpoint":"elsewhere.example.com"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first := s.provisioner(t, "", nil)
			request := s.alone(t, first, v1alpha1.DeletionDelete)
			holder, err := first.Open(t.Context(), provision.Request{Database: request.Database}, false)
			if err != nil {
				t.Fatal(err)
			}
			progress, waited := whenWaiting(func() {
				s.change(t, c.resource, s.id, c.patch)
				holder.Close()
			})
			_, database := deletables(request)
			err = database.delete(t.Context(), s.provisioner(t, "", progress), func() {})
			if err == nil || !strings.HasSuffix(err.Error(), "was changed by someone else meanwhile") || !waited() {
				t.Errorf("waited: %v, got %v", waited(), err)
			}
			if database, _ := s.stands(t); !database {
				t.Error("the database was dropped")
			}
		})
	}
}

// A run that finishes a deletion goes by what the resource says when its turn comes.
func TestRetainedWhileItsDeletionWaits(t *testing.T) {
	s := newSite(t)
	first := s.provisioner(t, "", nil)
	request := s.alone(t, first, v1alpha1.DeletionDelete)
	holder, err := first.Open(t.Context(), provision.Request{Database: request.Database}, false)
	if err != nil {
		t.Fatal(err)
	}
	databases := s.objects.Resource(v1alpha1.Databases).Namespace(s.id)
	if err := databases.Delete(t.Context(), s.id, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	object, err := databases.Get(t.Context(), s.id, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	progress, waited := whenWaiting(func() {
		s.change(t, v1alpha1.Databases, s.id, `{"spec":{"deletionPolicy":"Retain"}}`)
		holder.Close()
	})
	if result := s.provisioner(t, "", progress).ReconcileObject(t.Context(), object, nil); result.Action != provision.ActionDeleted || !waited() {
		t.Errorf("waited: %v, got %+v", waited(), result)
	}
	if database, _ := s.stands(t); !database {
		t.Error("the database was dropped")
	}
}

// A user that another run makes while the deletion of its database waits for that run
// blocks the deletion.
func TestUserComesWhileADeletionWaits(t *testing.T) {
	s := newSite(t)
	first := s.provisioner(t, "", nil)
	request := s.alone(t, first, v1alpha1.DeletionDelete)
	holder, err := first.Open(t.Context(), provision.Request{Users: request.Users}, false)
	if err != nil {
		t.Fatal(err)
	}
	progress, waited := whenWaiting(func() {
		defer holder.Close()
		if err := holder.Apply(t.Context()); err != nil {
			t.Error(err)
		}
	})
	_, database := deletables(request)
	err = database.delete(t.Context(), s.provisioner(t, "", progress), func() {})
	var refused *postgres.RefusedError
	if !errors.As(err, &refused) || !refused.Blocked() || !waited() {
		t.Errorf("waited: %v, got %v", waited(), err)
	}
	if database, login := s.stands(t); !database || !login {
		t.Errorf("the database stands: %v, the login: %v", database, login)
	}
	if db, err := first.Database(t.Context(), s.id, s.id); err != nil || db.DeletionTimestamp != nil {
		t.Errorf("the Database is deleted (%v)", err)
	}
}
