// Package policy compiles Rego policies and evaluates them, closed on error: what
// cannot be compiled whole is refused, and what cannot be evaluated denies.
//
// OPA by itself fails open: a builtin's error, a mistyped path and a package that
// is not there are all "undefined", and an undefined deny denies nothing. Here
// builtin errors are errors, the input has a schema that every module is checked
// against, and no decision is made by zero policies.
//
// What is not bounded is memory: a policy that builds a text of terabytes ends the
// process. Policies are code of those who run it; what is hostile is the input.
//
// It does no I/O but reading the modules that New is given, and knows no clock but
// the one that holds its deadline: the time that policies see is in the input.
package policy
