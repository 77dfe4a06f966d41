package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Risk says what a step may cost.
type Risk string

// The risks of a step.
const (
	Safe Risk = "safe"
	// Locking is of statements that wait for, and then keep, locks that others feel.
	Locking      Risk = "locks"
	EndsSessions Risk = "ends sessions"
	DestroysData Risk = "destroys data"
)

// Step is one SQL statement of a plan.
type Step struct {
	// Verb and Object say in words what the statement does: "create", `role "orders_ro"`.
	Verb   string
	Object string
	// Database is where the statement runs; empty: the maintenance database.
	Database  string
	Statement Statement
	Reason    string
	Risk      Risk
	// Transaction groups steps that commit together; 0 stands alone.
	Transaction int
}

// Plan is an ordered list of steps; each prefix of it is safe to stop at, and a
// new plan made after such a stop completes it.
type Plan struct {
	Steps []Step
	// Warnings are what the plan cannot do, in sentences.
	Warnings []string
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Hash identifies the plan: the same statements in the same order, databases and
// transactions have the same hash. Verifiers and UIDs do not enter it.
func (p Plan) Hash() string {
	h := sha256.New()
	for _, s := range p.Steps {
		_, _ = fmt.Fprintf(h, "%q %d %q\n", s.Database, s.Transaction, s.Statement.String())
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// SQL returns the plan as a psql script that starts in the maintenance database,
// with verifiers and UIDs shown as holes.
func (p Plan) SQL(maintenance string) string {
	var b strings.Builder
	database, transaction := "", 0
	for _, s := range p.Steps {
		if transaction != 0 && (s.Transaction != transaction || s.Database != database) {
			b.WriteString("COMMIT;\n")
		}
		if s.Database != database {
			target := s.Database
			if target == "" {
				target = maintenance
			}
			fmt.Fprintf(&b, "\\connect %s\n", sql(ident(target)))
		}
		if s.Transaction != 0 && (s.Transaction != transaction || s.Database != database) {
			b.WriteString("BEGIN;\n")
		}
		fmt.Fprintf(&b, "%s; -- %s\n", s.Statement, s.Reason)
		database, transaction = s.Database, s.Transaction
	}
	if transaction != 0 {
		b.WriteString("COMMIT;\n")
	}
	return b.String()
}

// Refusal is a reason why nothing may be done.
type Refusal struct {
	Problem string
	Fix     string
	// Conflict is set when something exists that is not ours.
	Conflict bool
	// Blocked is set when a deletion has to wait for something.
	Blocked bool
}

// RefusedError is returned when a plan cannot be made. No statement has run.
type RefusedError struct{ Refusals []Refusal }

// Error implements error.
func (e *RefusedError) Error() string {
	problems := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		problems[i] = r.Problem
	}
	return strings.Join(problems, "; ")
}

// Hint returns what to do about the refusals, one line each.
func (e *RefusedError) Hint() string {
	var fixes []string
	for _, r := range e.Refusals {
		if r.Fix != "" {
			fixes = append(fixes, r.Fix)
		}
	}
	return strings.Join(fixes, "\n")
}

// Conflict reports whether something that is not ours stands in the way.
func (e *RefusedError) Conflict() bool {
	return slices.ContainsFunc(e.Refusals, func(r Refusal) bool { return r.Conflict })
}

// Blocked reports whether a deletion has to wait.
func (e *RefusedError) Blocked() bool {
	return slices.ContainsFunc(e.Refusals, func(r Refusal) bool { return r.Blocked })
}
