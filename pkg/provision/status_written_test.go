package provision_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// beforeSQL returns what to do with the progress of a run: act once, before its first
// statement. acted is whether it did.
func beforeSQL(act func()) (progress func(string), acted func() bool) {
	did := false
	return func(said string) {
		if !did && strings.HasPrefix(said, "create ") {
			did = true
			act()
		}
	}, func() bool { return did }
}

// A resource that takes the place of the one which a run is about knows nothing of what
// that run has done: with a status that says otherwise it could not adopt it.
func TestStatusOfAResourceThatIsAnotherOne(t *testing.T) {
	s := newSite(t)
	progress, acted := beforeSQL(func() { s.recreate(t, v1alpha1.Databases, s.id) })
	p := s.provisioner(t, "", progress)
	err := p.Provision(t.Context(), provision.Request{Database: s.application().Database}, goOn)
	var gone *provision.GoneError
	if !errors.As(err, &gone) || !gone.Replaced || !acted() {
		t.Errorf("recreated: %v, got %v", acted(), err)
	}
	db, err := p.Database(t.Context(), s.id, s.id)
	if err != nil || db.Status.Phase != "" || db.Status.ProvisionedTime != nil {
		t.Errorf("the status is %+v (%v)", db.Status, err)
	}
}

// A resource that others write to while a run is about it gets its status nevertheless.
func TestStatusOfAResourceThatOthersWriteTo(t *testing.T) {
	s := newSite(t)
	progress, acted := beforeSQL(func() {
		s.change(t, v1alpha1.Databases, s.id, `{"metadata":{"annotations":{"example.com/by":"somebody"}}}`)
	})
	p := s.provisioner(t, "", progress)
	if err := p.Provision(t.Context(), provision.Request{Database: s.application().Database}, goOn); err != nil || !acted() {
		t.Errorf("written to: %v, got %v", acted(), err)
	}
	db, err := p.Database(t.Context(), s.id, s.id)
	if err != nil || db.Status.Phase != v1alpha1.PhaseReady {
		t.Errorf("the status is %+v (%v)", db.Status, err)
	}
}
