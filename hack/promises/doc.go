// Package promises holds real servers to what users are promised.
//
// TestPrivileges takes the table of what a readonly, a readwrite and an admin user may
// do to every version of PostgreSQL and to both kinds of administrator: each cell is
// asked of the catalog and tried as the user, with what is in her Secret. What is
// lowered or taken away must leave nothing behind.
//
// The other tests are named after the faults of the dbtether operator that this
// project follows, each after its cause. They provision as the runner does.
package promises
