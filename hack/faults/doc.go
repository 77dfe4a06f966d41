// Package faults takes away, slows down and fills up what the webhook, the runner and the
// plugin need, and looks at what a user sees meanwhile, at what recovers by itself, and at
// which metric tells.
//
// docs/faults.md is the table of these faults. Each row names the tests that make it
// happen; TestTable holds the table and the tests to each other.
//
// The webhook, the runner and the plugin are the built programs, and run as processes of
// their own. Their servers are a control plane and a PostgreSQL that nobody else uses.
package faults
