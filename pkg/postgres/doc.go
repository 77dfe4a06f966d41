// Package postgres reads the state of a PostgreSQL server, plans how to reach a
// desired one, and applies that plan. Observe and Apply talk to the server;
// MakePlan is pure. It knows nothing of Kubernetes.
//
// A Plan holds no secret: verifiers and resource UIDs are holes in its statements
// that Apply fills, so that printing, hashing or logging a plan leaks nothing.
package postgres
