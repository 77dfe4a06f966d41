package postgres

import (
	"fmt"
	"slices"
)

// terminate ends the sessions of a login, and waits until they are gone; database ""
// means all of them. An admin without pg_signal_backend becomes a member of the role for that moment.
func (p *planner) terminate(login, database, reason string) {
	fragments := []any{"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = ", literal(login), " AND pid <> pg_backend_pid()"}
	if database != "" {
		fragments = append(fragments, " AND datname = ", literal(database))
	}
	step := Step{Verb: "end", Object: inDatabase("sessions of "+quoted(login), database), Reason: reason, Risk: EndsSessions, Statement: sql(fragments...)}
	if p.state.Server.SignalBackend {
		p.end = append(p.end, step)
		return
	}
	p.asMember(login, "", step)
}

// isMember reports whether the admin has the rights of a role and may act as it.
func (p *planner) isMember(role string) bool {
	how := p.state.Members[role][p.state.Server.Admin]
	return how.Inherit && how.Set
}

// asMember wraps steps in one transaction in which the admin is a member of role.
func (p *planner) asMember(role, database string, steps ...Step) {
	if !p.state.Server.Superuser && !p.isMember(role) {
		steps = append([]Step{{Verb: "grant", Object: "role " + quoted(role) + " to the admin", Reason: "for this transaction",
			Statement: p.grantRole(role, "CURRENT_USER", true)}}, steps...)
		steps = append(steps, Step{Verb: "revoke", Object: "role " + quoted(role) + " from the admin", Reason: "it was for this transaction",
			Statement: sql("REVOKE ", ident(role), " FROM CURRENT_USER")})
	}
	number := len(p.end) + 1
	for _, s := range steps {
		s.Database, s.Transaction = database, number
		p.end = append(p.end, s)
	}
}

// dropLogin plans the end of a login: it can no longer log in, its sessions end,
// what it owns passes to the owner group of each database, then it is dropped.
func (p *planner) dropLogin(drop Drop) {
	role, exists := p.state.Roles[drop.Name]
	if !exists {
		return
	}
	if !drop.Marker.owns(role.Comment) {
		p.warn("role %q is left alone: %s", drop.Name, conflict("role", drop.Name, role.Comment, drop.Marker, "").Problem)
		return
	}
	clear(p.outOfReach)
	p.needCreateRole = true
	object := "role " + quoted(drop.Name)
	if role.Login {
		p.end = append(p.end, Step{Verb: "alter", Object: object, Reason: "no new sessions", Risk: EndsSessions,
			Statement: sql("ALTER ROLE ", ident(drop.Name), " NOLOGIN")})
	}
	p.terminate(drop.Name, "", "a session outlives its role")
	p.disown(drop)
	p.end = append(p.end, Step{Verb: "drop", Object: object, Reason: "its resource is deleted", Statement: sql("DROP ROLE ", ident(drop.Name))})
}

// disown moves what a login owns to the owner group of each database, elsewhere to
// the admin if that is forced, and drops its privileges. What it owns of the whole server
// comes first: REASSIGN OWNED moves it in whichever database it runs. What it may only use
// of it comes last: DROP OWNED drops tables of the maintenance database, too.
func (p *planner) disown(drop Drop) {
	login, owns := drop.Name, p.index.owns[drop.Name]
	databases := sortedKeys(owns)
	if usesServer, known := owns[""]; known && !usesServer {
		databases = append(databases[1:], "")
	}
	for _, database := range databases {
		var heir any
		switch {
		case p.managed(database):
			heir = ident(GroupsOf(database).Owner)
		case drop.Force:
			heir = "CURRENT_USER"
		case !owns[database]:
		case database == "":
			p.refuse(Refusal{Blocked: true, Problem: fmt.Sprintf("role %q owns a database or another object of the whole server", login),
				Fix: "give it to another role: ALTER DATABASE … OWNER TO …, or to the admin with --force"})
			continue
		default:
			p.refuse(Refusal{Blocked: true, Problem: fmt.Sprintf("role %q owns objects in database %q, which dbtether does not manage", login, database),
				Fix: fmt.Sprintf("in database %q run: REASSIGN OWNED BY %s TO …, or give them to the admin with --force", database, sql(ident(login)))})
			continue
		}
		if p.revokeGivenOn(login, database); p.outOfReach[database] || p.givenByOthers(login, database) {
			p.refuse(Refusal{Blocked: true, Problem: fmt.Sprintf("role %q holds privileges in database %q that the admin cannot take away", login, database),
				Fix: fmt.Sprintf("in database %q have a superuser run: REASSIGN OWNED BY %s TO …; DROP OWNED BY %s", database, sql(ident(login)), sql(ident(login)))})
			continue
		}
		p.asMember(login, database, dropOwned(login, database, heir, "a role with privileges cannot be dropped")...)
	}
}

// givenByOthers reports whether a login holds privileges in a database that neither
// dbtether nor the admin has a say in: what is given there was not read, and taking it
// away would fail half-way.
func (p *planner) givenByOthers(login, database string) bool {
	server := p.state.Server
	if database == "" || server.Superuser || p.managed(database) || p.inherits(server.Admin, p.state.Databases[database].Owner) {
		return false
	}
	return slices.ContainsFunc(p.state.Dependencies, func(d Dependency) bool { return d.Role == login && d.Database == database && !d.Owns })
}

// dropDatabase plans the end of a database and of its groups. Sessions block it,
// unless they are to end with it.
func (p *planner) dropDatabase(drop Drop) {
	have, exists := p.state.Databases[drop.Name]
	groups := GroupsOf(drop.Name)
	want := Database{Name: drop.Name, Marker: drop.Marker}
	switch {
	case !exists:
	case drop.Keep:
		return
	case !drop.Marker.owns(have.Comment) && !p.begun(want, have):
		p.warn("database %q is left alone: %s", drop.Name, conflict("database", drop.Name, have.Comment, drop.Marker, "").Problem)
		return
	case have.Sessions > 0 && !drop.Force:
		p.refuse(Refusal{Blocked: true, Problem: fmt.Sprintf("%d session(s) are connected to database %q", have.Sessions, drop.Name),
			Fix: "stop the applications that use it, then run the command again; or end the sessions with --force or spec.forceDrop"})
		return
	default:
		p.needCreateDB = true
		statement := sql("DROP DATABASE ", ident(drop.Name))
		if drop.Force {
			statement = sql("DROP DATABASE ", ident(drop.Name), " WITH (FORCE)")
		}
		p.end = append(p.end, Step{Verb: "drop", Object: "database " + quoted(drop.Name), Reason: "its resource is deleted with policy Delete",
			Risk: DestroysData, Statement: statement})
	}
	reason := "group of the dropped database"
	if drop.Keep {
		reason = "group of a database that never came to be"
	}
	for _, name := range groups.all() {
		if role, exists := p.state.Roles[name]; exists && drop.Marker.group().owns(role.Comment) {
			p.needCreateRole = true
			p.end = append(p.end, Step{Verb: "drop", Object: "role " + quoted(name), Reason: reason,
				Statement: sql("DROP ROLE ", ident(name))})
		}
	}
}
