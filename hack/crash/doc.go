// Package crash kills the plugin at every one of its writes.
//
// The plugin talks to Kubernetes and to PostgreSQL through two proxies on
// loopback, in front of the real servers. Both tell one [Journal] of each write,
// so that writes have a number across both servers. At the chosen number the
// process gets SIGKILL: after the server has carried the write out and before the
// process hears of it, or, for a write to Kubernetes, before the server sees it.
// The proxy then waits until the process's end of the connection is gone, which
// shows that it was the plugin that died, and not a parent of it.
//
// The test runs each command once to its end, which gives the number of its
// writes and the state that it leads to. Then, for each number, it prepares the
// same again, kills the command at that write, runs it again, and compares the
// whole state with that of the run that was left in peace: roles, memberships,
// grants, settings, comments, resources, Secrets and revisions. After each write that
// lasts, while the process waits for the answer, it logs in with every live Secret.
//
// Commands that write to nothing but Secrets are killed twice at each number: the second
// time another command comes after them, which must lose nothing that was there before, or
// that had come to the API server. One that writes to several Secrets at a time makes its
// writes in no order; it is killed at a number nevertheless.
//
// The statements of one transaction reach the server together and are undone together,
// so the test kills at one of them; DBTETHER_CRASH_POINTS=all lets it kill at each, and
// DBTETHER_CRASH_POINTS=few at every fourth point, for a quick look.
//
// The same proxies let others get in the way: a second command at the same time, a person
// who edits what a command has just read, a server that is restarted.
package crash
