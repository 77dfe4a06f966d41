// Package tracing marks the steps of a piece of work that is traced. What is traced begins
// with a span of its own, in the webhook or the runner; below it the steps are spans, and
// where nothing is traced they cost nothing. No span has a value of a Secret, a statement
// of SQL or the text of an error: these may quote what was sent.
package tracing
