// Package testenv starts the real servers that dbtether's tests and demos run
// against: a Kubernetes API server with etcd, and PostgreSQL 14 to 18, all on
// loopback, with TLS, without Docker and without root. Where a test asks for them there
// are a webhook, a Prometheus and a collector of traces, too.
//
// A test asks for a shared server and gets one that lives as long as the test
// process, or, under `go run ./hack/env run -- go test ./...`, one that all test
// processes share:
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		server := testenv.SharedPostgreSQL(t, 18)
//		...
//	}
//
// What a test changes for all others it starts for itself: OwnControlPlane, OwnPostgreSQL.
// SharedPrograms builds the plugin and the webhook, and NewHome puts the plugin beside a
// kubectl, so that both are used as a person uses them.
//
// Binaries are found, downloaded or built once and kept in the cache folder
// (.cache in the repository, or $DBTETHER_CACHE). Nothing outlives the process
// that started it, not even when that process is killed.
//
// The package works on Linux and macOS.
package testenv
