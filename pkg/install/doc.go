// Package install says what an installation of dbtether consists of: parameters
// become the objects to apply, in their order, and the record of an earlier
// installation tells what is to go. The objects are those of the folder manifests,
// which `kubectl apply -k` takes as they are. It is pure: it does no I/O.
package install
