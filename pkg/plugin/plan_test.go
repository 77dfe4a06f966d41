package plugin

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func TestSummarize(t *testing.T) {
	step := func(verb, object, reason string) postgres.Step {
		return postgres.Step{Verb: verb, Object: object, Reason: reason, Risk: postgres.Safe}
	}
	risky := func(s postgres.Step, risk postgres.Risk) postgres.Step {
		s.Risk = risk
		return s
	}
	newLogin := []postgres.Step{
		step("create", `login "api"`, "new"), step("mark", `login "api"`, "whose"),
		step("grant", `role "d_owner" to "api"`, "admin in database \"d\""),
		step("alter", `role "api" in database "d"`, "creates as the group"),
	}
	isolated := []postgres.Step{
		step("create", `role "d_owner"`, "group"), step("create", `role "d_rw"`, "group"), step("create", `role "d_ro"`, "group"),
		step("create", `database "d"`, "closed"), step("revoke", `database "d"`, "PUBLIC"),
		step("grant", `database "d" to "d_owner"`, "group"), step("grant", `database "d" to "d_rw"`, "group"),
		step("alter", `database "d"`, "connection limit -1 → 5"), step("open", `database "d"`, "isolated"),
		step("alter", "schema public", "owner group"), step("set", `role "d_owner"`, "owner"),
		step("grant", "future tables", "later"), step("create", `schema "app"`, "asked for"),
		step("create", `extension "pg_trgm"`, "asked for"), step("create", `extension "citext"`, "asked for"),
	}
	var none provision.SecretChanges
	cases := []struct {
		name    string
		steps   []postgres.Step
		secrets provision.SecretChanges
		want    string
	}{
		{"nothing", nil, none, ""},
		{"Secrets only", nil, provision.SecretChanges{Written: []string{"shop/a", "shop/b"}, Deleted: []string{"shop/c"}}, `
  write   Secret shop/a
  write   Secret shop/b
  delete  Secret shop/c`},
		{"a database: completing it is not told", isolated, none, `
  create  roles d_owner, d_rw, d_ro
  create  database d
  create  schema app
  create  extensions pg_trgm, citext
  grant   4 statements, isolation from PUBLIC`},
		{"a login", newLogin, provision.SecretChanges{Written: []string{"shop/api"}}, `
  create  login api
  grant   role "d_owner" to "api" (admin in database "d")
  write   Secret shop/api`},
		{"up to three grants are told one by one, in their place", []postgres.Step{
			step("revoke", `role "d_owner" from "api"`, "readonly"), step("grant", `role "d_ro" to "api"`, "readonly"),
			step("alter", `role "api" in database "d"`, "no longer"), step("revoke", `database "d"`, "PUBLIC"),
		}, none, `
  revoke  role "d_owner" from "api" (readonly)
  grant   role "d_ro" to "api" (readonly)
  alter   role "api" in database "d" (no longer)
  revoke  database "d" (PUBLIC)`},
		{"more are counted, what is given apart from what is taken; taking a role away isolates nothing", []postgres.Step{
			step("alter", `role "api"`, "limit"), step("grant", `role "d_ro" to "api"`, "x"),
			step("revoke", `role "d_owner" from "a"`, "x"), step("revoke", `role "d_owner" from "b"`, "x"),
			step("revoke", `role "d_owner" from "c"`, "x"), step("revoke", `role "d_owner" from "d"`, "x"),
		}, none, `
  alter   role "api" (limit)
  grant   role "d_ro" to "api" (x)
  revoke  4 statements`},
		{"what is taken over, and what was left half made", []postgres.Step{
			step("adopt", `role "api"`, "whose"), step("mark", `database "d"`, "whose"), step("open", `database "d"`, "isolated"),
		}, none, `
  adopt   role "api" (whose)
  mark    database "d" (whose)
  open    database "d" (isolated)`},
		{"an old schema of an old database", []postgres.Step{step("alter", "schema public", "owner group")}, none, `
  alter   schema public (owner group)`},
		{"another login than the new one", append([]postgres.Step{step("alter", `role "other"`, "limit")}, newLogin...), none, `
  create  login api
  alter   role "other" (limit)
  grant   role "d_owner" to "api" (admin in database "d")`},
		{"an end, in order, with its risks and a long verb", []postgres.Step{
			risky(step("alter", `role "api"`, "no new sessions"), postgres.EndsSessions),
			risky(step("end", `sessions of "api"`, "outlive"), postgres.EndsSessions),
			step("reassign", `objects of "api"`, "tables outlive the login"),
			risky(step("drop", `database "d"`, "policy Delete"), postgres.DestroysData),
		}, none, `
  alter    role "api" (no new sessions) — ends sessions
  end      sessions of "api" (outlive) — ends sessions
  reassign objects of "api" (tables outlive the login)
  drop     database "d" (policy Delete) — destroys data`},
	}
	for _, c := range cases {
		got := strings.Join(summarize(postgres.Plan{Steps: c.steps}, c.secrets), "\n")
		if want := strings.TrimPrefix(c.want, "\n"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, want)
		}
	}
}

// The name of one login may begin like that of another.
func TestPartOfCreation(t *testing.T) {
	plan := postgres.Plan{Steps: []postgres.Step{{Verb: "create", Object: `login "api"`}}}
	for object, want := range map[string]bool{
		`role "api" in database "d"`: true,
		`role "api"`:                 true,
		`role "api_2"`:               false,
		"schema public":              false,
		`database "api"`:             false,
	} {
		if got := partOfCreation(plan, postgres.Step{Verb: "alter", Object: object}); got != want {
			t.Errorf("%s: got %v", object, got)
		}
	}
}
