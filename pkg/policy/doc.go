// Package policy compiles Rego policies and evaluates them, and fails closed: a set of
// policies that does not compile as a whole is refused, and an evaluation that fails denies.
//
// OPA by itself fails open: a builtin's error, a mistyped path and a package that
// is not there are all "undefined", and an undefined deny denies nothing. Here
// builtin errors are errors, the input has a schema that every module is checked
// against, and no decision is made by zero policies.
//
// What is not bounded is memory: a policy that builds a text of terabytes ends the process.
// Policies are written by those who run the process; the input may be hostile.
//
// It does no I/O. It reads the clock for deadlines only: the time that policies see is in
// the input.
package policy
