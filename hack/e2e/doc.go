// Package e2e tests an installation as it is used: images on a real node, a webhook in
// pods behind its Service, a PostgreSQL that pods reach, and pods that log in to it.
// `make e2e` brings up what that takes (hack/node), for each test anew, as each leaves
// its cluster behind; elsewhere the tests are skipped.
package e2e
