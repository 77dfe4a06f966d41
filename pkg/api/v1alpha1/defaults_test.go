package v1alpha1_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The manifests of testdata/original are those of the original dbtether
// operator's README, section "Usage". They apply unchanged, and this is what the
// API server stores.
func TestOriginalManifestsApplyUnchanged(t *testing.T) {
	for _, c := range []struct{ plural, file, stored string }{
		{"dbclusters", "dbcluster.yaml", `
endpoint: my-cluster.cluster-xxx.eu-west-1.rds.amazonaws.com
port: 5432
adminDatabase: postgres
credentialsSecretRef: {name: aurora-admin-credentials, namespace: postgres-operator-system}
`},
		{"databases", "database.yaml", `
clusterRef: {name: my-aurora-cluster}
databaseName: my_app
extensions: [uuid-ossp, pg_trgm]
connectionLimit: -1
deletionPolicy: Retain
`},
		{"databaseusers", "databaseuser.yaml", `
databaseRef: {name: my-app-db}
privileges: readonly
connectionLimit: -1
password: {length: 32}
secretTemplate: {format: raw, onConflict: Fail}
secretGeneration: primary
deletionPolicy: Delete
`},
	} {
		t.Run(c.file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "original", c.file))
			if err != nil {
				t.Fatal(err)
			}
			stored := decode(t, string(raw))
			for _, message := range newResource(t, c.plural).admit(stored, nil) {
				t.Error(message)
			}
			if want := decode(t, c.stored); !reflect.DeepEqual(stored["spec"], want) {
				t.Errorf("stored %v\nwant   %v", stored["spec"], want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct{ plural, kind, spec, stored string }{
		{"dbclusters", "DBCluster",
			"{endpoint: pg, credentialsSecretRef: {name: a, namespace: b}, caSecretRef: {name: c, namespace: b}}",
			"{endpoint: pg, port: 5432, adminDatabase: postgres, credentialsSecretRef: {name: a, namespace: b}, caSecretRef: {name: c, namespace: b, key: ca.crt}}"},
		{"databases", "Database",
			"{clusterRef: {name: main}}",
			"{clusterRef: {name: main}, connectionLimit: -1, deletionPolicy: Retain}"},
		{"databaseusers", "DatabaseUser",
			"{databaseRef: {name: orders}, secretTemplate: {name: db}, rotation: {days: 30}, privileges: admin}",
			`{databaseRef: {name: orders}, privileges: admin, connectionLimit: -1, password: {length: 32}, rotation: {days: 30, strategy: Alternate, gracePeriod: 24h},
secretTemplate: {name: db, format: raw, onConflict: Fail}, secretGeneration: primary, deletionPolicy: Delete}`},
	} {
		t.Run(c.plural, func(t *testing.T) {
			stored := object(t, c.kind, "", c.spec)
			for _, message := range newResource(t, c.plural).admit(stored, nil) {
				t.Error(message)
			}
			if want := decode(t, c.stored); !reflect.DeepEqual(stored["spec"], want) {
				t.Errorf("stored %v\nwant   %v", stored["spec"], want)
			}
		})
	}
}

// A field that no code reads yet is not stored: what the API server shows is
// what we act on.
func TestUnknownFieldsArePruned(t *testing.T) {
	stored := object(t, "Database", "", "{clusterRef: {name: main, namespace: other}, tablespace: fast}")
	for _, message := range newResource(t, "databases").admit(stored, nil) {
		t.Error(message)
	}
	if want := decode(t, "{clusterRef: {name: main}, connectionLimit: -1, deletionPolicy: Retain}"); !reflect.DeepEqual(stored["spec"], want) {
		t.Errorf("stored %v\nwant   %v", stored["spec"], want)
	}
}
