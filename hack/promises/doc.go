// Package promises holds real servers to what users are promised.
//
// TestPrivileges holds every version of PostgreSQL, as both kinds of administrator, to the
// table of what a readonly, a readwrite and an admin user may do: each cell is looked up in
// the catalog, and tried as the user, with what is in her Secret. A privilege that is lowered
// or taken away must leave nothing behind.
//
// Each of the other tests is named after the cause of a fault of the dbtether operator, from
// which this project took its resources. They provision as the runner does.
package promises
