// Package plugin is the command line of dbtether: one file per command, each of
// which turns arguments into a request, calls the packages that do the work and
// prints what came of it. Nothing below this package knows that a command line
// exists.
//
// A new command is one file with one function that takes the Environment and
// returns a *cobra.Command, and one line in root.go, or in the file of its noun.
// Errors are only returned; Main prints them and picks the exit code.
package plugin
