package provision

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// adopting returns the job of a run on a cluster that lets the runner adopt what begins
// with "old_".
func adopting(runner bool) *Job {
	return &Job{p: &Provisioner{Runner: runner}, Cluster: &v1alpha1.DBCluster{Spec: v1alpha1.DBClusterSpec{
		Adoption: &v1alpha1.Adoption{Databases: []string{"old_*"}, Roles: []string{"old_*"}}}}}
}

// TestWhatTheRunnerAdopts checks that only the DBCluster, or a mark on the server, lets
// the runner take something over: a status or a Secret, which others can write, does not.
func TestWhatTheRunnerAdopts(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "x", UID: "uid-x"}
	for _, c := range []struct {
		name                   string
		object, comment        string
		adopt, forged, runner  bool
		wantRole, wantDatabase bool
	}{
		{"somebody's own", "x", "", true, false, false, true, true},
		{"not asked for", "x", "", false, false, false, false, false},
		{"not asked for, forged", "x", "", false, true, false, false, false},
		{"the runner, not admitted", "x", "", true, false, true, false, false},
		{"the runner, not admitted, forged", "x", "", true, true, true, false, false},
		{"the runner, admitted", "old_x", "", true, false, true, true, true},
		{"the runner, admitted, not asked for", "old_x", "", false, true, true, false, false},
		{"the runner, adopted before", "x", "ours", true, true, true, true, true},
		{"the runner, made by us", "x", "ours", true, false, true, true, false},
		{"the runner, another's", "x", "dbtether.io: Database team-b/x, uid uid-y", true, true, true, false, false},
	} {
		comment := func(kind string) string {
			return strings.ReplaceAll(c.comment, "ours", "dbtether.io: "+kind+" shop/x, uid uid-x")
		}
		state := postgres.State{
			Roles:     map[string]postgres.Role{c.object: {Name: c.object, Comment: comment("DatabaseUser")}},
			Databases: map[string]postgres.DatabaseState{c.object: {Name: c.object, AllowConnections: true, Comment: comment("Database")}},
		}
		u := &userJob{user: &v1alpha1.DatabaseUser{ObjectMeta: meta, Spec: v1alpha1.DatabaseUserSpec{Adopt: c.adopt}}, base: c.object,
			rotation: rotation{login: c.object}}
		d := &databaseJob{db: &v1alpha1.Database{ObjectMeta: meta, Spec: v1alpha1.DatabaseSpec{Adopt: c.adopt}}, name: c.object}
		if c.forged {
			u.newest = revision.Revision{Entry: revision.Entry{Number: 1, OwnerUID: meta.UID}}
			u.user.Status = v1alpha1.DatabaseUserStatus{BaseUsername: c.object, Username: c.object, SecretRevision: 1}
			d.db.Status = v1alpha1.DatabaseStatus{Adopted: true, DatabaseName: c.object}
		}
		j := adopting(c.runner)
		if got := u.desired(j, state)[0].Adopt; got != c.wantRole {
			t.Errorf("%s: adopts the role: %v", c.name, got)
		}
		if got := d.desired(j, state).Adopt; got != c.wantDatabase {
			t.Errorf("%s: adopts the database: %v", c.name, got)
		}
	}
}

// TestTheOtherLoginIsAdmittedByItsOwnName checks that admitting a role admits no other
// that happens to have the name of the second of two alternating logins.
func TestTheOtherLoginIsAdmittedByItsOwnName(t *testing.T) {
	j := adopting(true)
	j.Cluster.Spec.Adoption.Roles = []string{"api"}
	state := postgres.State{Roles: map[string]postgres.Role{"api": {Name: "api"}, "api_b": {Name: "api_b"}}}
	u := &userJob{user: &v1alpha1.DatabaseUser{Spec: v1alpha1.DatabaseUserSpec{Adopt: true}}, base: "api", rotation: rotation{login: "api_b", other: "api"}}
	if logins := u.desired(j, state); logins[0].Adopt || !logins[1].Adopt {
		t.Errorf("got %+v", logins)
	}
}
