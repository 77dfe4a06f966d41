package check

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// ago returns a time before now.
func ago(d time.Duration) *metav1.Time {
	at := metav1.NewTime(now.Add(-d))
	return &at
}

func user(name, phase string, change func(*v1alpha1.DatabaseUser)) v1alpha1.DatabaseUser {
	u := v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: *ago(time.Hour)},
		Status: v1alpha1.DatabaseUserStatus{Phase: phase}}
	if change != nil {
		change(&u)
	}
	return u
}

func TestOverdue(t *testing.T) {
	const note = "note runner-installed: no runner is installed: what falls due waits for somebody to run kubectl dbtether reconcile"
	rotation := func(r v1alpha1.RotationStatus) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) { u.Status.Rotation = &r }
	}
	expires := func(at *metav1.Time) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) { u.Spec.ExpiresAt = at }
	}
	for _, c := range []struct {
		name string
		user v1alpha1.DatabaseUser
		want []string
	}{
		{"ready", user("a", "Ready", nil), nil},
		{"rotation is due", user("a", "Ready", rotation(v1alpha1.RotationStatus{NextTime: ago(11 * time.Minute)})), []string{"warning runner-overdue: user shop/a: should have a new password by now"}},
		{"rotation has just become due", user("a", "Ready", rotation(v1alpha1.RotationStatus{NextTime: ago(9 * time.Minute)})), nil},
		{"an old login", user("a", "Ready", rotation(v1alpha1.RotationStatus{OldUsername: "a", OldUntil: ago(time.Hour)})), []string{"warning runner-overdue: user shop/a: should have no old login any more"}},
		{"an old login that a pod holds", user("a", "Ready", rotation(v1alpha1.RotationStatus{OldUsername: "a", OldUntil: ago(time.Hour), HeldBy: []string{"shop/pod"}})), nil},
		{"expired and open", user("a", "Ready", expires(ago(time.Second))), []string{"error runner-expired-users: user shop/a: expired, and nobody has ended its login and its sessions"}},
		{"expired and closed", user("a", "Expired", expires(ago(time.Hour))), nil},
		{"expires later", user("a", "Ready", expires(ago(-time.Hour))), nil},
		{"never provisioned", user("a", "", nil), []string{"warning runner-overdue: user shop/a: written more than ten minutes ago, and never provisioned"}},
		{"just written", user("a", "Pending", func(u *v1alpha1.DatabaseUser) { u.CreationTimestamp = *ago(time.Minute) }), nil},
		{"deletion pending", user("a", "Ready", func(u *v1alpha1.DatabaseUser) { u.DeletionTimestamp = ago(time.Hour) }),
			[]string{"warning runner-overdue: user shop/a: deleted more than ten minutes ago, and not cleaned up in PostgreSQL"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := Work{Users: []v1alpha1.DatabaseUser{c.user}, Now: now}
			compare(t, Runner{Work: work}.Findings(), append([]string{note}, c.want...)...)
		})
	}
}

func TestRunner(t *testing.T) {
	lease := func(renewed time.Duration) string {
		return "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: dbtether-runner}, spec: {holderIdentity: runner-a, leaseDurationSeconds: 15, renewTime: '" +
			now.Add(-renewed).Format("2006-01-02T15:04:05.000000Z07:00") + "'}}"
	}
	job := func(spec, status string) string {
		return "{apiVersion: batch/v1, kind: CronJob, metadata: {name: dbtether-runner, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: " + spec + ", status: " + status + "}"
	}
	deployment := func(ready string) string {
		return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: dbtether-runner, namespace: dbtether-system}, spec: {replicas: 1}, status: {readyReplicas: " + ready + "}}"
	}
	for _, c := range []struct {
		name   string
		runner Runner
		want   []string
	}{
		{"it works", Runner{Lease: seen(t, lease(time.Second)), Deployment: seen(t, deployment("1"))}, nil},
		{"it is silent", Runner{Lease: seen(t, lease(time.Minute)), Deployment: seen(t, deployment("1"))},
			[]string{"error runner-lease: the runner runner-a has not renewed its Lease dbtether-system/dbtether-runner since 2026-06-01T11:59:00Z"}},
		{"one was here", Runner{Lease: seen(t, lease(time.Hour))},
			[]string{"note runner-lease: the runner runner-a has not renewed its Lease dbtether-system/dbtether-runner since 2026-06-01T11:00:00Z"}},
		{"it does not start", Runner{Deployment: seen(t, deployment("0"))},
			[]string{"error runner-ready: no replica of the runner is ready (Deployment dbtether-system/dbtether-runner, 1 wanted)"}},
		{"a job that works", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T11:55:00Z', lastSuccessfulTime: '2026-06-01T11:55:10Z'}"))}, nil},
		{"a job of once a day", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-05-31T13:00:00Z', lastSuccessfulTime: '2026-05-31T13:01:00Z'}"))}, nil},
		{"a job that runs", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T11:55:00Z', lastSuccessfulTime: '2026-05-31T11:55:00Z'}"))}, nil},
		{"a job that fails", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T09:00:00Z', lastSuccessfulTime: '2026-05-31T11:55:00Z'}"))},
			[]string{"error runner-ready: the CronJob dbtether-system/dbtether-runner ran at 2026-06-01T09:00:00Z, and succeeded last at 2026-05-31T11:55:00Z"}},
		{"a job that never worked", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T09:00:00Z'}"))},
			[]string{"error runner-ready: the CronJob dbtether-system/dbtether-runner has never succeeded, and ran at 2026-06-01T09:00:00Z"}},
		{"a job that was never due", Runner{CronJob: seen(t, job("{}", "{}"))}, []string{"note runner-ready: the CronJob dbtether-system/dbtether-runner has not succeeded yet: it was not due before, or runs"}},
		{"a job that is suspended", Runner{CronJob: seen(t, job("{suspend: true}", "{lastSuccessfulTime: '2026-06-01T11:55:00Z'}"))},
			[]string{"warning runner-ready: the CronJob dbtether-system/dbtether-runner is suspended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.runner.Work.Now = now
			compare(t, c.runner.Findings(), c.want...)
		})
	}
}

func TestResources(t *testing.T) {
	is := func(condition string) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) {
			u.Status.Message = "first line\nsecond"
			u.Status.Conditions = []metav1.Condition{{Type: condition, Status: metav1.ConditionTrue}}
		}
	}
	users := []v1alpha1.DatabaseUser{user("a", "Ready", nil), user("b", "Failed", is("Other")), user("c", "Failed", is("Conflict")), user("d", "Ready", is("Drifted")),
		user("e", "Deleting", is("DeletionBlocked")), user("f", "Pending", nil), user("g", "Failed", nil), user("h", "Failed", nil), user("i", "Failed", nil), user("j", "Expired", nil)}
	compare(t, Work{Users: users, Now: now}.Findings(),
		"error resources-conflict: 1 of 10 DatabaseUsers: in conflict with what is in PostgreSQL already: shop/c (shop/c says: first line)",
		"error resources-deletion-blocked: 1 of 10 DatabaseUsers: not deleted, because something in PostgreSQL keeps it: shop/e (shop/e says: first line)",
		"error resources-ready: 4 of 10 DatabaseUsers: failed: shop/b, shop/g, shop/h and 1 more (shop/b says: first line)",
		"warning resources-drifted: 1 of 10 DatabaseUsers: other in PostgreSQL than its resource says: shop/d (shop/d says: first line)",
		"note resources-ready: 1 of 10 DatabaseUsers: not provisioned yet: shop/f")
	compare(t, Work{Namespace: "shop", Databases: []v1alpha1.Database{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders"}, Status: v1alpha1.DatabaseStatus{Phase: "Failed"}}}}.Findings(),
		"error resources-ready: 1 of 1 Database: failed: orders")
	compare(t, Work{DatabasesErr: errors.New("no route"), UsersErr: errors.New("no route")}.Findings(),
		"error resources-read: the Databases could not be looked at: no route", "error resources-read: the DatabaseUsers could not be looked at: no route")
}

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

func TestPolicies(t *testing.T) {
	exception := func(left time.Duration) policy.Exception {
		return policy.Exception{Name: "configmap dbtether-system/legacy", Policy: "CLUSTER-NOT-ALLOWED", Expires: now.Add(left)}
	}
	for _, c := range []struct {
		name     string
		policies Policies
		want     []string
	}{
		{"nothing added", Policies{}, nil},
		{"not loaded", Policies{Failures: []error{errors.New("configmap a: line 1")}}, []string{"error policies-load: the policies cannot be loaded, so that those before them stand: configmap a: line 1"}},
		{"left out", Policies{Problems: []string{"configmap a is no exception"}}, []string{"warning policies-problems: left out of the policies: configmap a is no exception"}},
		{"expired", Policies{Exceptions: []policy.Exception{exception(0)}},
			[]string{"warning policies-exceptions: the exception of configmap dbtether-system/legacy from CLUSTER-NOT-ALLOWED expired at 2026-06-01T12:00:00Z: the policy denies again"}},
		{"ends soon", Policies{Exceptions: []policy.Exception{exception(6 * 24 * time.Hour)}},
			[]string{"warning policies-exceptions: the exception of configmap dbtether-system/legacy from CLUSTER-NOT-ALLOWED ends at 2026-06-07T12:00:00Z"}},
		{"ends later", Policies{Exceptions: []policy.Exception{exception(8 * 24 * time.Hour)}}, nil},
		{"loaded", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Revision: "aa"}}, Installed: true}, nil},
		{"others", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Revision: "bb"}}},
			[]string{"warning policies-replicas: the replica w has other policies (bb) than are there now (aa): it is of another version, or has not seen the change yet"}},
		{"none", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Error: "syntax"}}},
			[]string{"error policies-replicas: the replica w has no policies and refuses what they decide: syntax"}},
		{"older", Policies{Replicas: []Replica{{Name: "w", Revision: "bb", Error: "syntax"}}},
			[]string{"error policies-replicas: the replica w decides by older policies, because it cannot load these: syntax"}},
		{"silent", Policies{Installed: true}, []string{"warning policies-replicas: no replica of the webhook says which policies it has loaded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.policies.Now = now
			compare(t, c.policies.Findings(), c.want...)
		})
	}
}

func TestClusters(t *testing.T) {
	cluster := v1alpha1.DBCluster{ObjectMeta: metav1.ObjectMeta{Name: "main"}}
	status := func(phase, message string) v1alpha1.DBCluster {
		c := cluster
		c.Status = v1alpha1.DBClusterStatus{Phase: phase, Message: message, PostgresVersion: "18.4", LastCheckTime: ago(time.Hour)}
		return c
	}
	for _, c := range []struct {
		name    string
		cluster Cluster
		want    []string
	}{
		{"well", Cluster{DBCluster: cluster, Findings: []provision.Finding{{Level: provision.LevelOK, Text: "PostgreSQL 18.4 answers"}, {Level: provision.LevelNote, Text: "open", Fix: "revoke"}}}, nil},
		{"not well", Cluster{DBCluster: cluster, Findings: []provision.Finding{{Level: provision.LevelError, Text: "the admin may not create roles", Fix: "have a superuser"}}},
			[]string{`error cluster-server: DBCluster "main": the admin may not create roles`}},
		{"silent", Cluster{DBCluster: cluster, Err: errors.New("refused")}, []string{`error cluster-server: the server of DBCluster "main" cannot be asked: refused`}},
		{"by its status", Cluster{DBCluster: status("Connected", ""), NoAccess: true}, nil},
		{"failed by its status", Cluster{DBCluster: status("Failed", "no route"), NoAccess: true}, []string{`error cluster-status: DBCluster "main", asked at 2026-06-01T11:00:00Z: no route`}},
		{"never asked", Cluster{DBCluster: cluster, NoAccess: true}, []string{`note cluster-status: DBCluster "main": its administrator's credential is not at hand, and its server was never asked`}},
	} {
		t.Run(c.name, func(t *testing.T) { compare(t, Clusters{Seen: []Cluster{c.cluster}}.Findings(), c.want...) })
	}
}
