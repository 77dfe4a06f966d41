package postgres

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// revokeDirect plans that a login holds nothing itself but what is asked for: a
// privilege is a membership in a group, and nothing else must outlive a lowered one.
// What an adopted login held before it keeps.
func (p *planner) revokeDirect(want DesiredLogin, desired Desired) {
	if want.Adopt {
		return
	}
	for _, database := range p.index.granted[want.Name] {
		if !dropped(desired, database) {
			p.revokeOnDatabase(want.Name, p.state.Databases[database])
		}
	}
	wanted := wantedOn(want.Grants)
	for _, database := range sortedKeys(want.Access) {
		p.revokeAll(database, p.state.Contents[database].Direct, func(d DirectGrant) bool {
			return d.Login == want.Name && (d.Kind != "TABLE" || !wanted[table{database, d.Schema, d.Name}][d.Privilege])
		})
	}
}

// revokeGivenOn plans the end of what a login itself holds in a database, where it came
// from others than the owner group or the admin: DROP OWNED takes back what those gave.
// Where something is out of reach, so that there can be no DROP OWNED, all of it goes
// one by one.
func (p *planner) revokeGivenOn(login, database string) {
	grants := slices.DeleteFunc(append(slices.Clone(p.state.Contents[database].Direct), p.state.Elsewhere[database]...),
		func(d DirectGrant) bool { return d.Login != login })
	server := p.state.Server
	byOthers := func(d DirectGrant) bool {
		return d.Grantor != d.Owner || !server.Superuser && d.Owner != GroupsOf(database).Owner && d.Owner != server.Admin
	}
	p.revokeAll(database, grants, byOthers)
	if p.outOfReach[database] {
		p.revokeAll(database, grants, func(d DirectGrant) bool { return !byOthers(d) })
	}
}

// revokeAll plans the end of the privileges for which is returns true, object by object.
func (p *planner) revokeAll(database string, grants []DirectGrant, is func(DirectGrant) bool) {
	objects := map[DirectGrant][]string{}
	for _, d := range grants {
		if is(d) {
			object := d
			object.Privilege = ""
			objects[object] = append(objects[object], d.Privilege)
		}
	}
	sorted := make([]DirectGrant, 0, len(objects))
	for d := range objects {
		sorted = append(sorted, d)
	}
	slices.SortFunc(sorted, DirectGrant.compare)
	for _, d := range sorted {
		slices.Sort(objects[d])
		p.revokeOn(database, d, objects[d])
	}
}

// compare orders objects, so that a plan is the same each time.
func (d DirectGrant) compare(other DirectGrant) int {
	return cmp.Or(strings.Compare(d.Kind, other.Kind), strings.Compare(d.Schema, other.Schema), strings.Compare(d.Name, other.Name),
		strings.Compare(d.Column, other.Column), strings.Compare(d.Owner, other.Owner), strings.Compare(d.Grantor, other.Grantor),
		cmp.Compare(d.Keeps, other.Keeps))
}

// revokeOnDatabase plans the end of what a login itself holds on a database.
func (p *planner) revokeOnDatabase(login string, have DatabaseState) {
	if have.Owner == login {
		return
	}
	statement := sql("REVOKE "+privilegeWords(sortedKeys(have.Grants[login]), "")+" ON DATABASE ", ident(have.Name), " FROM ", ident(login), " CASCADE")
	if !p.state.Server.Superuser && have.Owner != p.state.Server.Admin {
		p.warn("role %q itself holds privileges on database %q, which belongs to %q; that role or a superuser ends that with: %s", login, have.Name, have.Owner, statement)
		return
	}
	p.open = append(p.open, Step{Verb: "revoke", Object: fmt.Sprintf("database %q from %q", have.Name, login), Reason: heldItself, Statement: statement})
}

const heldItself = "it has what its groups have, and no more"

// object names it in messages.
func (d DirectGrant) object() string {
	switch {
	case d.Kind == "DEFAULT" && d.Schema != "":
		return fmt.Sprintf("future %s in schema %q", strings.ToLower(d.Name), d.Schema)
	case d.Kind == "DEFAULT":
		return "future " + strings.ToLower(d.Name)
	case d.Kind == "ROUTINE" || d.Schema == "":
		return strings.ToLower(d.Kind) + " " + quoted(d.Name)
	case d.Kind == "COLUMN":
		return "column " + quoted(d.Schema+"."+d.Name+"."+d.Column)
	default:
		return strings.ToLower(d.Kind) + " " + quoted(d.Schema+"."+d.Name)
	}
}

// revokeOn plans the end of privileges on one object, as the role that granted them:
// REVOKE takes back what the current role gave away, and for the owner and a
// superuser what the owner did (manual, "REVOKE").
func (p *planner) revokeOn(database string, d DirectGrant, privileges []string) {
	statement, ok := revocation(d, "", privileges)
	object := d.object()
	if !ok {
		p.outOfReach[database] = true
		p.warn("role %q itself holds %s on %s of database %q, which dbtether cannot take away", d.Login, strings.Join(privileges, ", "), object, database)
		return
	}
	step := Step{Verb: "revoke", Object: object + " from " + quoted(d.Login), Reason: heldItself, Statement: statement}
	byThird := d.Grantor != d.Owner
	if byThird && d.Keeps != HoldsGrantOption && p.inherits(d.Grantor, d.Owner) {
		p.asFormerGrantor(database, d, privileges, step)
		return
	}
	if p.as(d.Grantor, database, byThird, step) {
		return
	}
	p.outOfReach[database] = true
	p.warn("role %q itself holds %s on %s of database %q; %q ends that there with: %s", d.Login, strings.Join(privileges, ", "), object, database, d.Grantor, statement)
}

// asFormerGrantor plans the end of privileges whose grantor has lost the grant option
// and has the rights of the owner. The server takes a REVOKE of that role for one of the
// owner's, and does nothing; for the same reason the privileges outlived the option. So
// the grantor gets the option once more, for the transaction.
func (p *planner) asFormerGrantor(database string, d DirectGrant, privileges []string, revoke Step) {
	object, option := d.object(), ""
	if d.Keeps == HoldsPrivilege { // then that stays
		option = "GRANT OPTION FOR "
	}
	lent := d
	lent.Login = d.Grantor
	on, _ := d.fragments()
	end, _ := revocation(lent, option, privileges)
	steps := []Step{
		actAs(d.Owner, "what it lends is the owner's"),
		{Verb: "grant", Object: object + " to " + quoted(d.Grantor), Reason: "only with the grant option can it take back what it gave",
			Statement: sql(slices.Concat([]any{"GRANT " + privilegeWords(privileges, d.Column) + " ON "}, on, []any{" TO ", ident(d.Grantor), " WITH GRANT OPTION"})...)},
		actAs(d.Grantor, "it granted the privilege"),
		revoke,
		actAs(d.Owner, "what it lent is the owner's"),
		{Verb: "revoke", Object: object + " from " + quoted(d.Grantor), Reason: "it was for this transaction", Statement: end},
		p.actAsAdmin(),
	}
	if p.state.Server.Superuser || d.Owner == GroupsOf(database).Owner && p.mayJoin(d.Grantor) {
		p.asMember(d.Grantor, database, steps...)
		return
	}
	p.outOfReach[database] = true
	var statements []string
	for _, s := range steps {
		statements = append(statements, s.Statement.String())
	}
	p.warn("role %q itself holds %s on %s of database %q; a superuser ends that there, in one transaction, with: %s",
		d.Login, strings.Join(privileges, ", "), object, database, strings.Join(statements, "; "))
}

// actAs lets what follows in the transaction run as a role.
func actAs(role, reason string) Step {
	return Step{Verb: "set", Object: "role " + quoted(role), Reason: reason, Statement: sql("SET LOCAL ROLE ", ident(role))}
}

// actAsAdmin ends actAs.
func (p *planner) actAsAdmin() Step {
	return Step{Verb: "set", Object: "role " + quoted(p.state.Server.Admin), Reason: "what follows is the admin's again", Statement: sql("SET LOCAL ROLE NONE")}
}

// as adds a step that a role's rights are needed for, in a database; set says that the
// step must run as that role, not only with its rights. It returns false when the
// admin cannot act as the role.
func (p *planner) as(role, database string, set bool, step Step) bool {
	server, in := p.state.Server, p.in(database)
	steps := []Step{step}
	if set {
		steps = []Step{actAs(role, "it granted the privilege"), step, p.actAsAdmin()}
	}
	switch {
	case role == GroupsOf(database).Owner:
		in.owner = append(in.owner, step)
	case server.Superuser:
		in.admin = append(in.admin, steps...)
	case role == server.Admin, role == "pg_database_owner" && p.state.Databases[database].Owner == server.Admin:
		in.admin = append(in.admin, step)
	case p.mayJoin(role):
		p.asMember(role, database, steps...)
	default:
		return false
	}
	return true
}

// mayJoin reports whether the admin can make itself a member of a role.
func (p *planner) mayJoin(role string) bool {
	r, exists := p.state.Roles[role]
	switch {
	case !exists || r.Superuser || strings.HasPrefix(role, "pg_"):
		return false
	case p.state.Server.major() < 16:
		return p.state.Server.CreateRole
	default:
		return p.isMember(role) || p.administers(role)
	}
}

// knownPrivileges are those of PostgreSQL 14 to 18 (table "ACL Privilege Abbreviations" of
// its documentation).
func knownPrivileges() []string {
	return []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "CREATE", "CONNECT", "TEMPORARY",
		"EXECUTE", "USAGE", "SET", "ALTER SYSTEM", "MAINTAIN"}
}

// privilegeWords joins the words of privileges, each with a column if there is one.
// What is not known is never written: then it is all of them.
func privilegeWords(privileges []string, column string) string {
	if slices.ContainsFunc(privileges, func(p string) bool { return !slices.Contains(knownPrivileges(), p) }) {
		privileges = []string{"ALL PRIVILEGES"}
	}
	words := slices.Clone(privileges)
	for i := range words {
		if column != "" {
			words[i] += sql(" (", ident(column), ")").String()
		}
	}
	return strings.Join(words, ", ")
}

// signatureForm is what regprocedure prints: names and types, quoted where they must
// be (quote_identifier in the server's ruleutils.c).
var signatureForm = func() *regexp.Regexp {
	const name = `(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")`
	const kind = `(?:[a-z0-9_ .\[\]]|"(?:[^"]|"")+")+`
	return regexp.MustCompile(`^(?:` + name + `\.)?` + name + `\((?:` + kind + `(?:,` + kind + `)*)?\)$`)
}()

// defaultKinds are the kinds of objects that default privileges exist for.
var defaultKinds = []string{"TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS", "LARGE OBJECTS"}

// revocation returns the statement that takes privileges back, or with the option
// GRANT OPTION FOR only the right to give them away; false for a kind of
// object that is not known. CASCADE takes them from whom the login gave them, too.
func revocation(d DirectGrant, option string, privileges []string) (Statement, bool) {
	words := privilegeWords(privileges, d.Column)
	from := []any{" FROM ", ident(d.Login), " CASCADE"}
	if d.Kind == "DEFAULT" {
		if !slices.Contains(defaultKinds, d.Name) {
			return Statement{}, false
		}
		alter := []any{"ALTER DEFAULT PRIVILEGES FOR ROLE ", ident(d.Owner)}
		if d.Schema != "" {
			alter = append(alter, " IN SCHEMA ", ident(d.Schema))
		}
		return sql(slices.Concat(alter, []any{" REVOKE " + option + words + " ON " + d.Name}, from)...), true
	}
	on, known := d.fragments()
	if !known {
		return Statement{}, false
	}
	return sql(slices.Concat([]any{"REVOKE " + option + words + " ON "}, on, from)...), true
}

// fragments returns the object as GRANT and REVOKE name it; false for a kind that is not
// known, and for default privileges.
func (d DirectGrant) fragments() ([]any, bool) {
	switch d.Kind {
	case "COLUMN":
		return []any{"TABLE ", qualified{d.Schema, d.Name}}, true
	case "TABLE", "SEQUENCE", "TYPE":
		return []any{d.Kind + " ", qualified{d.Schema, d.Name}}, true
	case "SCHEMA", "LANGUAGE", "FOREIGN DATA WRAPPER", "FOREIGN SERVER":
		return []any{d.Kind + " ", ident(d.Name)}, true
	case "ROUTINE":
		if !signatureForm.MatchString(d.Name) {
			return nil, false
		}
		return []any{"ROUTINE " + d.Name}, true
	case "LARGE OBJECT":
		oid, err := strconv.ParseUint(d.Name, 10, 32)
		return []any{"LARGE OBJECT ", int(oid)}, err == nil
	default:
		return nil, false
	}
}
