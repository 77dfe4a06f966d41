// Package testenv starts the real servers that dbtether's tests and demos run
// against: a Kubernetes API server with etcd, and PostgreSQL 14 to 18, all on
// loopback, with TLS, without Docker and without root.
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
// Binaries are found, downloaded or built once and kept in the cache folder
// (.cache in the repository, or $DBTETHER_CACHE). Nothing outlives the process
// that started it, not even when that process is killed.
//
// The package works on Linux and macOS.
package testenv
