// Package check finds what is wrong with an installation of dbtether and with what it
// keeps: it gets what was read of a cluster and returns findings, each with a name, a
// level, and what to do about it. Only Reader does I/O, and it reads, with one request
// that the API server does not carry out; everything else is pure.
package check
