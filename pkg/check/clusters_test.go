package check

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

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
