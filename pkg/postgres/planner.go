package postgres

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// MakePlan returns the steps that lead from the state to the desired one: none
// when nothing differs. It does no I/O and reads no clock, so that the same input
// gives the same plan. It returns a *RefusedError when a name is impossible, when
// something that is not ours stands in the way, or when the admin lacks a right.
func MakePlan(state State, desired Desired) (Plan, error) {
	p := &planner{state: state, index: indexOf(state), inside: map[string]*inside{}, outOfReach: map[string]bool{}}
	for _, db := range desired.Databases {
		p.database(db)
	}
	for _, login := range desired.Logins {
		p.login(login, desired)
	}
	for _, drop := range desired.DropLogins {
		p.dropLogin(drop)
	}
	for _, drop := range desired.DropDatabases {
		p.dropDatabase(drop)
	}
	plan := p.assemble(desired)
	p.requireRights(plan)
	if len(p.refusals) > 0 {
		return Plan{}, &RefusedError{Refusals: p.refusals}
	}
	return plan, nil
}

// planner collects steps by where and when they run.
type planner struct {
	state    State
	index    index
	refusals []Refusal
	warnings []string

	roles  []Step             // one transaction in the maintenance database: groups, logins, memberships
	create []Step             // CREATE DATABASE, which cannot be in a transaction
	open   []Step             // one transaction in the maintenance database: marker, isolation, role settings
	inside map[string]*inside // one transaction in each database
	end    []Step             // terminations and drops, in order

	// outOfReach are the databases where the login that is planned holds something itself
	// which the admin cannot take away.
	outOfReach map[string]bool

	needCreateDB, needCreateRole bool
}

// inside holds the steps in one database: those of the admin, those of the owner
// group, and those of the admin that come last.
type inside struct{ admin, owner, last []Step }

// in returns the steps in a database.
func (p *planner) in(database string) *inside {
	if p.inside[database] == nil {
		p.inside[database] = &inside{}
	}
	return p.inside[database]
}

// refuse adds a refusal, once: nothing of the plan is carried out then.
func (p *planner) refuse(r Refusal) {
	if !slices.Contains(p.refusals, r) {
		p.refusals = append(p.refusals, r)
	}
}

// refused refuses, and returns false for its caller to return.
func (p *planner) refused(problem, fix string) bool {
	p.refuse(Refusal{Problem: problem, Fix: fix})
	return false
}

// warn adds a warning to the plan, once.
func (p *planner) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.warnings, text) {
		p.warnings = append(p.warnings, text)
	}
}

// assemble puts the steps into their order and numbers the transactions.
func (p *planner) assemble(desired Desired) Plan {
	plan := Plan{Warnings: p.warnings}
	transaction := 0
	add := func(together bool, database string, steps ...Step) {
		if len(steps) == 0 {
			return
		}
		if together {
			transaction++
		}
		for _, s := range steps {
			s.Database = database
			if s.Transaction == 0 && together {
				s.Transaction = transaction
			}
			if s.Risk == "" {
				s.Risk = Safe
			}
			plan.Steps = append(plan.Steps, s)
		}
	}
	add(true, "", p.roles...)
	add(false, "", p.create...)
	add(true, "", p.open...)
	for _, database := range p.entered(desired) {
		in := p.inside[database]
		steps := in.admin
		if len(in.owner) > 0 {
			owner := GroupsOf(database).Owner
			steps = append(steps, Step{Verb: "set", Object: "role " + quoted(owner), Statement: sql("SET LOCAL ROLE ", ident(owner)),
				Reason: "what follows belongs to the database's owner group"})
			steps = append(steps, in.owner...)
			if len(in.last) > 0 {
				steps = append(steps, Step{Verb: "set", Object: "role back", Statement: sql("RESET ROLE"), Reason: "what follows is the admin's"})
			}
		}
		steps = append(steps, in.last...)
		add(true, database, steps...)
	}
	for _, s := range p.end {
		if s.Transaction != 0 { // numbered within end: shift behind the others
			s.Transaction += transaction
		}
		add(false, s.Database, s)
	}
	return plan
}

// entered lists the databases with steps inside: first those that are asked for, in
// their order.
func (p *planner) entered(desired Desired) []string {
	var all []string
	for _, db := range desired.Databases {
		if p.inside[db.Name] != nil && !slices.Contains(all, db.Name) {
			all = append(all, db.Name)
		}
	}
	for _, name := range sortedKeys(p.inside) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// requireRights refuses a plan that the admin cannot carry out.
func (p *planner) requireRights(plan Plan) {
	server := p.state.Server
	if plan.Empty() {
		return
	}
	admin := sql(ident(server.Admin)).String()
	switch {
	case server.InRecovery:
		p.refuse(Refusal{Problem: "the server is a standby and takes no changes",
			Fix: "point spec.endpoint of the DBCluster at the primary"})
	case server.ReadOnly:
		p.refuse(Refusal{Problem: "the server takes read-only transactions only (default_transaction_read_only is on)",
			Fix: "turn default_transaction_read_only off for role " + quoted(server.Admin)})
	}
	if server.Superuser {
		return
	}
	if p.needCreateDB && !server.CreateDB {
		p.refuse(Refusal{Problem: fmt.Sprintf("the admin role %q may not create databases", server.Admin),
			Fix: "have a superuser run: ALTER ROLE " + admin + " CREATEDB"})
	}
	if p.needCreateRole && !server.CreateRole {
		p.refuse(Refusal{Problem: fmt.Sprintf("the admin role %q may not create roles", server.Admin),
			Fix: "have a superuser run: ALTER ROLE " + admin + " CREATEROLE"})
	}
}

// validName refuses a name that PostgreSQL would cut or cannot hold.
func (p *planner) validName(what, name string, limit int) bool {
	problem, fix := "", fmt.Sprintf("choose a name of at most %d bytes", limit)
	switch {
	case name == "":
		problem = what + " has no name"
	case !utf8.ValidString(name) || containsControl(name):
		problem, fix = fmt.Sprintf("%s %q is not printable UTF-8", what, name), "choose a name of printable characters"
	case len(name) > limit:
		problem = fmt.Sprintf("%s %q has %d bytes, at most %d are possible", what, name, len(name), limit)
	}
	if problem == "" {
		return true
	}
	return p.refused(problem, fix)
}

// containsControl reports whether a text has an ASCII control character.
func containsControl(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return true
		}
	}
	return false
}

// quoted returns a name in quotes, for messages.
func quoted(name string) string { return fmt.Sprintf("%q", name) }

// sortedKeys returns the keys of a map in order, so that a plan is the same each time.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
